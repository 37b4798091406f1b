#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ "$1" = purge ] || exit 0
# The state stays, and so do the account and its keys: an administrator may have
# put the copy itself below it.
rm -rf /var/cache/relais /var/log/relais
