#!/bin/sh
# Writes RabbitMQ's list of users and rights for a tenant and its devices to standard output:
#   sh definitions.sh demo $(ls ~/.local/state/pocketvisor/fleet/demo/devices | cut -d. -f1) > /etc/rabbitmq/pocketvisor-definitions.json
#   rabbitmqctl import_definitions /etc/rabbitmq/pocketvisor-definitions.json
# No user has a password. A session's queue is named after its client id, and a device may use that of its own name alone; topics are routing keys, where
# a slash is a dot. Whom the list names is added, and nobody taken away: a device that is to be let in no more is removed by
# `rabbitmqctl delete_user DEVICE`, which ends no connection; `rabbitmqctl close_all_user_connections DEVICE retired` does.
set -eu
tenant=$1
shift

# Each name as one line of a list.
list() {
  entry=$1
  shift
  separator=
  for name in "$@"; do
    printf '%s    ' "$separator"
    "$entry" "$name"
    separator=',
'
  done
  echo
}

user() {
  printf '{ "name": "%s", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": [] }' "$1"
}

# Of a device the client id is its name; of the fleet it may be any.
permission() {
  queue='mqtt-subscription-.*qos[01]'
  case $1 in fleet | watcher) ;; *) queue="mqtt-subscription-$1qos[01]" ;; esac
  rights="^($queue|amq[.]topic)\$"
  printf '{ "user": "%s", "vhost": "/", "configure": "^%s$", "write": "%s", "read": "%s" }' "$1" "$queue" "$rights" "$rights"
}

topic_permission() {
  of="^pv[.]1[.]$tenant[.]"
  case $1 in
    fleet) write=$of read=$of ;;
    watcher) write='^$' read=$of ;;
    *) write="$of$1[.]up[.]" read="$of(($1|all|g[.][^.]+)[.]dn|fleet[.]state\$)" ;;
  esac
  printf '{ "user": "%s", "vhost": "/", "exchange": "amq.topic", "write": "%s", "read": "%s" }' "$1" "$write" "$read"
}

echo '{'
echo '  "vhosts": [{ "name": "/" }],'
echo '  "users": ['
list user fleet watcher "$@"
echo '  ],'
echo '  "permissions": ['
list permission fleet watcher "$@"
echo '  ],'
echo '  "topic_permissions": ['
list topic_permission fleet watcher "$@"
echo '  ]'
echo '}'
