#!/bin/sh
# relais @version@ for @target@.
#
# Below this head follow, compressed, the program and the runtime it needs. The
# first start unpacks them into a cache; every other start finds them there.

# dash, bash, ksh and busybox all know -O. Functions are called by name, too.
# shellcheck disable=SC3067,SC2317,SC2015

payload=relais-@digest@

fail() {
  printf 'relais: %s\n' "$1" >&2
  exit 4
}

# Starts what lies unpacked in $cache.
run() {
  export DENO_DIR="$cache/$payload/cache" DENO_NO_UPDATE_CHECK=1
  export RELAIS_EXECUTABLE="$0"
  exec "$cache/$payload/relais" run --quiet @flags@ \
    "$cache/$payload/app/@entry@" "$@"
}

# Whether nobody but us can have put anything into the directory $1.
ours() {
  [ -d "$1" ] && [ -O "$1" ] || return 1
  # One that others may write to has a w among the last two thirds of its mode.
  case $(ls -ld "$1/") in
  ?????w* | ????????w*) return 1 ;;
  esac
}

# Whether what is in $cache can be started.
is_unpacked() {
  [ -x "$cache/$payload/relais" ] && [ -s "$cache/$payload/relais" ] &&
    ours "$cache" && ours "$cache/$payload"
}

# Finds a $cache for which $1 is true, in order of preference.
find_cache() {
  for cache in "${CACHE_DIRECTORY%%:*}" "$XDG_CACHE_HOME/relais" \
    "$HOME/.cache/relais" /var/cache/relais; do
    case $cache in
    /relais | /.cache/relais) ;; # the variable is not set
    /*) "$1" && return ;;
    esac
  done
  cache=${TMPDIR:-/tmp}/relais-$(id -u)
  [ ! -h "$cache" ] && "$1"
}

find_cache is_unpacked && run "$@"

# From here on this is the first start.

# Ends with a message if this file cannot be unpacked anywhere.
examine() {
  machine=$(uname -m)
  [ "$machine" = @machine@ ] || fail "Cannot run here: this machine is $machine, \
and this executable is for @machine@"
  for tool in tail tar cksum @tool@; do
    command -v "$tool" >/dev/null ||
      fail "Cannot unpack itself: there is no $tool; install it@otherwise@"
  done
  [ -r "$0" ] || fail "Cannot unpack itself: $0 cannot be read; chmod a+r $0"
  found=$(tail -c +@offset@ "$0" | cksum)
  [ "$found" = "@cksum@" ] || fail "Cannot unpack itself: $0 was cut or altered \
(cksum says $found and not @cksum@); copy it again"
}

# Unpacks into $cache, or tells in $reasons what is in the way.
unpack() {
  reason=$(unpack_or_say 9<"$0") && return
  case $reason in
  !*) fail "Cannot run here: ${reason#!}; the runtime needs Linux with glibc \
@glibc@ or newer" ;;
  esac
  reasons="$reasons
relais: $cache $reason"
  return 1
}

# Descriptor 9 is this file. Who holds its lock unpacks; the others wait, and
# find what he has unpacked.
unpack_or_say() {
  umask 022
  export LC_ALL=C
  [ -d "$cache" ] || mkdir -p "$cache" 2>/dev/null ||
    { echo "cannot be made" && return 1; }
  ours "$cache" ||
    { echo "belongs to others, or others may write there" && return 1; }
  command -v flock >/dev/null && flock 9 2>/dev/null
  is_unpacked && return
  new=$cache/unpacking.$$
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  mkdir "$new" 2>/dev/null || { echo "cannot be written to" && return 1; }
  starts_programs || { echo "is mounted noexec" && return 1; }
  said=$(tail -c +@offset@ "$0" | @decompress@ 2>/dev/null |
    tar -xof - -C "$new" 2>&1) || { why_not "$said" && return 1; }
  said=$("$new/relais" --version 2>&1) || { echo "!$said" && return 1; }
  # A power cut must leave nothing empty under the final name.
  sync
  is_unpacked && return
  rm -rf "${cache:?}/$payload"
  mv "$new" "$cache/$payload" && tidy
}

# Whether what lies in $new may be started at all.
starts_programs() {
  printf '#!/bin/sh\n' >"$new/try" && chmod 755 "$new/try" || return 0
  "$new/try" && rm "$new/try"
} 2>/dev/null

# Says what tar said.
why_not() {
  case $1 in
  *"No space left"* | *quota*) echo "has no room for @megabytes@ MB" ;;
  *) echo "cannot be written to: $1" | head -n 1 ;;
  esac
}

# Removes from $cache what no process runs any more: earlier versions, and what
# somebody was killed over.
tidy() {
  running=$(ls -l /proc/[0-9]*/exe 2>/dev/null)
  for old in "$cache"/relais-* "$cache"/unpacking.*; do
    [ -d "$old" ] && [ "$old" != "$cache/$payload" ] || continue
    [ -d "/proc/${old##*/unpacking.}" ] && continue
    case $running in
    *" -> $(cd "$old" && pwd -P)/"*) ;;
    *) rm -rf "$old" ;;
    esac
  done
}

examine
reasons=
find_cache unpack && run "$@"
fail "Cannot unpack itself anywhere:$reasons
relais: set XDG_CACHE_HOME to a directory of yours that has room for \
@megabytes@ MB and is not mounted noexec"
