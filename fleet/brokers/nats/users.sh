#!/bin/sh
# Writes NATS's list of users for a tenant and its devices to standard output:
#   sh users.sh demo $(ls ~/.local/state/pocketvisor/fleet/demo/devices | cut -d. -f1) > /etc/pocketvisor-users.conf
#   nats-server --signal reload
# A device that is left out is let in no more, and a reload ends its connection. Topics are subjects here: a slash is a dot, # is >, + is *;
# pv/1/demo/x/dn/# means pv.1.demo.x.dn too.
set -eu
tenant=$1
shift

echo 'users: ['
all="subscribe: { allow: [\"pv.1.$tenant.>\", \"\$MQTT.sub.>\"] }"
echo "  { user: \"CN=fleet\", permissions: { publish: { allow: [\"pv.1.$tenant.>\"] }, $all } }"
echo "  { user: \"CN=watcher\", permissions: { publish: { deny: [\">\"] }, $all } }"
for device in "$@"; do
  subscribe=
  for topic in "$device.dn" "all.dn" "g.*.dn"; do
    subscribe="$subscribe\"pv.1.$tenant.$topic\", \"pv.1.$tenant.$topic.>\", "
  done
  subscribe="$subscribe\"pv.1.$tenant.fleet.state\", \"\$MQTT.sub.>\""
  echo "  { user: \"CN=$device\", permissions: { publish: { allow: [\"pv.1.$tenant.$device.up.>\"] }, subscribe: { allow: [$subscribe] } } }"
done
echo ']'
