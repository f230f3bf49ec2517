// What `fleet policy new` writes: every section, with its meaning, most of them commented out.

export const POLICY_TEMPLATE = `# A policy governs one partition of a handset, by its name. It never gives, it cuts: what the handset's own file grants
# is held to what stands here. What is left out is not limited.
# Check it with: pocketvisor fleet policy lint FILE

partition: work

budget:
  memory: 128M # the charged sum: RAM and everything beside it
  cpu: 60% # of a processor; 0% means that it must not run
  weight: 100 # 1 to 1000, for what is left over
  energy: 400mW # or 1440J/h
  # disk: 1G
  # network: 50M # a day
  # translate: off # the guest is interpreted; or the most translated code, 1M to 256M

# images: # exactly one of the two
#   allowed: [SHA-256 of a kernel image, as hexadecimal]
#   channel: stable
#   release-least: 3
#   development: false

# apps:
#   - { app: org.example.mail, state: required, version-least: 3 } # blocked, available, required

# device-access: # deny, ask or allow; once it is there, what it does not name is denied
#   console: allow
#   camera: deny

# network:
#   wifi: allow
#   cellular: allow
#   roaming: deny
#   tethering: deny
#   vpn-required: true
#   dns: [10.0.0.53]
#   rules: # the first that fits
#     - { allow: 10.0.0.0/8, ports: 443, protocol: tcp }
#     - { deny: 0.0.0.0/0 }

# sharing:
#   clipboard-out: deny
#   clipboard-in: ask
#   files: deny
#   contacts: ask
#   channels:
#     - { from: work, to: personal, rate: 1KB/s }

# unlock:
#   quality: pin # none, pin, password
#   length: 6
#   idle-lock: 5min
#   tries: 10 # wrong ones, until the partition is wiped; 0: never
#   age: 365d
#   history: 5

# location: { when: lost-mode-only, interval: 15min, show-user: true }

power:
  low: 15%
  critical: 5%
  action: throttle # keep, throttle, pause

telemetry:
  sample: 60s
  send: 15min
  bytes-per-day: 1M

offline: # when it has not reached the fleet for so long
  warn: 1d
  lock: 7d
  wipe: never

# updates: { wifi-only: true, window: 02:00-05:00, battery-least: 30%, may-defer: true }

# enforcement: # what happens when a section is not complied with for so long
#   - { section: images, block: 1h, wipe: never }

texts:
  en: Managed by your organisation.

# debug: true # a debugger, the profiler and watchpoints may attach; without it they may not
`;
