#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ "$1" = purge ] || exit 0
# The state can be rebuilt from the copy, which stays, as the keys and the account do.
rm -rf /var/cache/relais /var/log/relais /var/lib/relais
