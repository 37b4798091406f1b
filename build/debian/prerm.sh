#!/bin/sh
set -e
[ "$1" = remove ] && [ -d /run/systemd/system ] || exit 0
for unit in relais.timer relais.service relaisd.service \
  relais-publish.timer relais-publish.service relais-serve.service; do
  systemctl --quiet disable --now "$unit" || :
done
