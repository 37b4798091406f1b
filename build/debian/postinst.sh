#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers relais.conf
# Later, its owner is the administrator's matter.
[ -n "$2" ] || chgrp relais /etc/relais/relais.toml
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
[ -z "$2" ] || systemctl try-restart relaisd.service relais-serve.service
