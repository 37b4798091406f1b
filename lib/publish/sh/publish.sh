#!/bin/sh
#
# Publishes files for relais on a UNIX that relais itself does not run on: what
# `relais publish --once` does, with nothing but a POSIX shell, awk and find.
# Its dates and digests are what the utilities of this server can give. Keep to
# one of the two for an export: relais cannot name a source whose name is not
# UTF-8, and withdraws what this has published of it.
#
# Usage: relais-publish.sh [-q | -v] [-a | --accept-shrink] [-c | --verify]
#
#   -q   tell only what went wrong
#   -v   tell of each file, too
#   -a   withdraw what is gone, however much it is
#   -c   read the export again, and publish what is not as the list says
#
# Exit status: 0 done; 1 done, but some files failed, each is named;
# 2 wrong usage; 4 the export cannot be written; 5 the sources are not there, or
# too many of them are gone; 7 another run is at work.
#
# Programs for awk and sh stand in single quotes here, and `a && b || die` dies
# of either:
# shellcheck disable=SC2015,SC2016,SC2089,SC2090

# What is published, below `base`, and where to. `relais publish --print-sh`
# wrote these lines: change the configuration rather than them.
base='/data'
into='/export'
# Extended regular expression on whole paths, as `awk -v` reads it. From:
#   /data/stock/**/*.csv
filter='^/+data/+stock/+(.*/)?[^/]*[.]csv/*$'
# What may be withdrawn in one run: "share" of the files in the list, or "files".
max_withdraw='share 0.5'
# For how many days withdrawn files, and versions that were replaced, are kept.
keep='0'
# A list of at least so many bytes, of whose lines no larger share than this
# still holds, is compacted.
compaction='1000000 0.5'
# Who writes the list; made from the machine and `into` if empty.
writer=''
# What happens to symbolic links: they are passed over ("skip"), or what they lead
# to is published, if it lies below `base` ("follow").
symlinks='skip'

# On Solaris the POSIX utilities stand aside, and sh may be no POSIX shell. Up
# to its `fi`, this is written for the shell of 1979.
if test -z "${RELAIS_POSIX-}" && test -d /usr/xpg4/bin; then
  PATH=/usr/xpg6/bin:/usr/xpg4/bin:$PATH RELAIS_POSIX=1
  export PATH RELAIS_POSIX
  exec sh "$0" ${1+"$@"}
fi

# Bytes are bytes: in names, in ranges of expressions, in the order of sort.
LC_ALL=C
export LC_ALL

# A name may hold any byte. A shell that loses some (yash) hands over to sh.
byte=$(printf '\351') 2>/dev/null
if [ "$(printf '%s' "$byte" | od -An -to1 | tr -d ' \n')" != 351 ]; then
  [ -z "${RELAIS_BYTES-}" ] || {
    echo 'relais: Cannot publish: this sh cannot hold every file name; install dash' >&2
    exit 4
  }
  RELAIS_BYTES=1 exec sh "$0" "$@"
fi

own=$into/.relais
list=$own/list
lock=$own/lock.sh
# Names what is about to be exported or taken away, a path a line, for the run
# that comes after one that was killed.
journal=$own/journal
trash=$own/trash
# The same directory as relais uses: on the file system of the export, so that
# what is staged there can be renamed into place.
staging=$own/staging

# How many files, and bytes, are made durable together.
batch_files=256
batch_bytes=67108864

# A file that changes while it is copied is copied again so many times.
attempts=3

locked=
sure=yes
full=
refusal=
failed=0 published=0 withdrawn=0 unchanged=0 damaged=0
links=0 outside=0 dangling=0 circular=0 special=0 empty=0

main() {
  verbosity=1
  verify=
  case ${1-} in
    --accept-shrink) shift; set -- -a "$@" ;;
    --verify) shift; set -- -c "$@" ;;
  esac
  while getopts acqv option; do
    case $option in
      a) max_withdraw='share 1' ;;
      c) verify=yes ;;
      q) verbosity=0 ;;
      v) verbosity=2 ;;
      *) usage ;;
    esac
  done
  shift $((OPTIND - 1))
  [ $# = 0 ] || usage

  cd "$base" 2>/dev/null ||
    die 5 "Cannot publish from $base: it is not a directory; nothing was withdrawn; \
check that its file system is mounted"
  open_export
  choose_awk
  choose_dates
  choose_copy
  choose_digest
  choose_writer
  open_list
  find_sources > "$staging/records"
  find_others >> "$staging/records"
  find_linked >> "$staging/records"
  find_exported
  describe < "$staging/records" > "$staging/described" &&
    sort "$staging/described" > "$staging/sources" &&
    make_plan > "$staging/plan" ||
    unwritable
  # The plan calls the functions from stage to remove.
  # shellcheck source=/dev/null
  . "$staging/plan"
  end_set
  empty_trash
  settle_notes
  note_others
  compact_list
  # The heartbeat: readers see that the publisher lives.
  touch "$list"
  [ "$damaged" = 0 ] ||
    warn "$damaged files of the export were missing or damaged; published them again"
  tell_others
  say "$published files published, $withdrawn withdrawn, $unchanged unchanged$others."
  [ -z "$refusal" ] || die 5 "$refusal"
  [ -z "$full" ] || die 4 "Cannot write to $into: its disk is full or failing; \
$published files that fit were published; free some space there; the next run publishes \
the rest"
  [ "$failed" = 0 ]
}

# --- Telling ------------------------------------------------------------------

usage() {
  echo "Usage: ${0##*/} [-q | -v] [-a | --accept-shrink] [-c | --verify]" >&2
  exit 2
}

# put LINE...: prints lines. Some shells need a process for printf.
if [ "$(command -v print)" = print ] && [ "$(print -r -- '-\n')" = '-\n' ]; then
  put() { for line do print -r -- "$line"; done; }
else
  put() { printf '%s\n' "$@"; }
fi

tab=$(printf '\t')

say() {
  [ "$verbosity" -lt 1 ] || printf '%s\n' "$1"
}

detail() {
  [ "$verbosity" -lt 2 ] || printf '%s\n' "$1"
}

warn() {
  printf 'relais: %s\n' "$1" >&2
}

# fail NAME WHY: a file that cannot be published this time. NAME is in its listed
# form, so that no control byte reaches a terminal.
fail() {
  warn "Cannot publish $1: $2"
  failed=1
}

# die STATUS WHY
die() {
  warn "$2"
  exit "$1"
}

# The export, or what is staged in it.
unwritable() {
  die 4 "Cannot write to $into; check its owner, permissions and free space"
}

unusable_list() {
  die 4 "Cannot use the list $list; check the owner, permissions and free space of $own"
}

# --- Choosing what there is ---------------------------------------------------

# Some versions of awk take bytes for characters of UTF-8, whatever the locale.
choose_awk() {
  for awk in awk nawk gawk mawk; do
    probe=$($awk 'BEGIN { printf "%c%s", 233, length("\303\251") }' \
      2>/dev/null < /dev/null | od -An -to1 | tr -d ' \n')
    [ "$probe" != 351062 ] || return 0
  done
  die 4 "Cannot publish: no awk here can hold every file name; install gawk or mawk"
}

# POSIX has no stat(1). Whatever there is in its place is run by one program,
# here and by find, on many files at once. For each file it prints a record:
#   //size/mode/seconds/fraction/./path
#
# A path may hold newlines, but never two slashes in a row: a line that begins
# with them begins a record. All that matters of the fraction is what follows
# its point; the seconds are rounded down.
#
# The last resort needs only ls, touch and pax or tar, and a while. It gives the
# date of each file to an empty one, a stamp, whose name is its number; and reads
# the dates of all stamps from the headers of one archive.
look_files='
  case $dates in
    gnu) exec stat $follow -c "//%s/%a/%Y/%y/%n" "$@" ;;
    bsd) exec stat $follow -f "//%z/%p/%m/%Fm/%N" "$@" ;;
    perl) exec perl -e "$look_perl" "$@" ;;
  esac

  stamps=$staging/stamps
  rm -rf "$stamps" && mkdir "$stamps" || exit 1
  status=0 number=0
  for file do
    number=$((number + 1))
    touch -r "$file" "$stamps/$number" && ls -dn $follow "$file" > "$stamps.ls" || {
      status=1
      continue
    }
    read -r mode links owner group size rest < "$stamps.ls"
    echo "$number $size/$mode"
  done > "$stamps.sizes"
  (
    cd "$stamps" || exit
    pax -w -x ustar . 2> /dev/null || tar cf - .
  ) | tr "\000\012" "  " | fold -b -w 512 | \
    $awk "$look_tar" part=dates - part=sizes "$stamps.sizes" > "$stamps.states" || {
    echo "Cannot read the dates of files" >&2
    status=1
  }

  # The states are in the order of the files, but for those that failed.
  number=0
  while IFS= read -r state <&3; do
    while [ "$number" -lt "${state%% *}" ]; do
      number=$((number + 1))
      file=$1
      shift
    done
    printf "//%s/%s\n" "${state#* }" "$file"
  done 3< "$stamps.states"
  exit "$status"
'

look_perl='
  # A double cannot hold nanoseconds; and before 1970, HiRes goes wrong.
  my $fine = eval { require Time::HiRes; Time::HiRes::lstat("."); 1 };
  my $follow = $ENV{follow} ne "";
  for (@ARGV) {
    my @s = ($follow ? stat : lstat) or do { warn "$_: $!\n"; $status = 1; next };
    my $date = $fine && $s[9] >= 0 ? 
      ($follow ? Time::HiRes::stat($_) : Time::HiRes::lstat($_))[9] : $s[9];
    my $micro = int(($date - $s[9]) * 1e6);
    $micro = 0 if $micro < 0 || $micro > 999999;
    printf "//%s/%o/%s/.%06d/%s\n", $s[7], $s[2] & 07777, $s[9], $micro, $_;
  }
  exit $status;
'

# Reads the headers of an archive, a line of 512 bytes each, in which bytes 137
# to 147 are the date, in octal; then "number size/permissions" of each file.
look_tar='
  function octal(text,    value, i) {
    for (i = 1; i <= length(text); i++) value = value * 8 + substr(text, i, 1)
    return sprintf("%.0f", value)
  }
  function permissions(text,    bits) {
    bits = permission(text, 2, "s") * 64 + \
      permission(text, 5, "s") * 8 + permission(text, 8, "t")
    if (substr(text, 4, 1) ~ /[sS]/) bits += 2048
    if (substr(text, 7, 1) ~ /[sSl]/) bits += 1024
    if (substr(text, 10, 1) ~ /[tT]/) bits += 512
    return sprintf("%04o", bits)
  }
  function permission(text, at, both,    x) {
    x = substr(text, at + 2, 1)
    return (substr(text, at, 1) == "r") * 4 + \
      (substr(text, at + 1, 1) == "w") * 2 + (x == "x" || x == both)
  }
  part == "dates" {
    name = substr($0, 1, 100)
    sub(/^[.]\//, "", name)
    sub(/ +$/, "", name)
    date = substr($0, 137, 12)
    gsub(/ /, "", date)
    # Before 1970 there are no octal numbers.
    if (name ~ /^[0-9]+$/) dates[name] = date ~ /^[0-7]+$/ ? octal(date) : 0
    next
  }
  !($1 in dates) { exit 1 }
  {
    split($2, field, "/")
    print $1, field[1] "/" permissions(field[2]) "/" dates[$1] "/"
  }
'
follow=
[ "$symlinks" = skip ] || follow=-L
export look_perl look_tar staging awk base dates follow

# look FILE…: to be called in a subshell, which it ends.
look() {
  eval "$look_files"
}

# The last resort needs the staging, and is tried there.
choose_dates() {
  for dates in gnu bsd perl tar; do
    case $(cd "$staging" && look ./. 2>/dev/null) in
      //*[0-9]/*[0-7]/*[0-9]/*/./.) return ;;
    esac
  done
  die 4 "Cannot read the dates of files; install perl"
}

# Where cp can keep the date, touch need not.
choose_copy() {
  cp_keeps_dates=
  ! cp --preserve=timestamps "$staging/reserve/1" "$staging/dated" \
    2> /dev/null || cp_keeps_dates=yes
}

# The first that knows the digest of nothing, in order of speed.
choose_digest() {
  for digester in sha256sum 'shasum -a 256' 'digest -a sha256' \
    'openssl dgst -sha256'; do
    case $($digester 2>/dev/null < /dev/null) in
      *e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855*)
        return
        ;;
    esac
  done
  digester='cksum'
}

# Sets digest to that of a file, as a list writes it.
set_digest() {
  digest=$($digester < "$1") || return 1
  case $digester in
    cksum) digest=cksum:${digest%% *} ;;
    openssl*) digest=sha256:${digest##* } ;;
    *) digest=sha256:${digest%% *} ;;
  esac
}

# What machine-id(5) calls this machine, or else its name; and where the export
# really lies. The identity of a machine is confidential: it is only summed up.
choose_writer() {
  [ -z "$writer" ] || return 0
  machine=
  [ ! -r /etc/machine-id ] || read -r machine < /etc/machine-id || :
  case $machine in *[!0-9a-f]*) machine= ;; esac
  [ ${#machine} -eq 32 ] || machine=$(uname -n)
  machine="$machine $(cd -P "$into" && printf '%s.' "$PWD")"
  writer=$(MACHINE=${machine%.} $awk "$names$checksum"'
    BEGIN { print checksum(ENVIRON["MACHINE"]) }' < /dev/null)
}

# Sets now, in seconds: the date of a file just written, for lack of a clock
# that every UNIX has.
set_now() {
  : > "$staging/now"
  now=$(cd "$staging" && look ./now | $awk "$names"'
    { print date_of(substr($0, 3)) }')
}

# --- The export and its list --------------------------------------------------

open_export() {
  [ ! -f "$own/relays" ] || die 2 \
    "Cannot publish into $into: a replica republishes there; set publish.into to another directory; if no replica does any more, remove $own/relays and the list beside it"
  [ -d "$own" ] || mkdir -p "$own" || unwritable
  take_lock
  # The list is for the account that readers log in with, the rest for nobody.
  chmod 755 "$own" &&
    rm -rf "$staging" && mkdir "$staging" && chmod 700 "$staging" ||
    unwritable
  # Given up when the disk is full, for the lines of what has been copied by then.
  mkdir "$staging/reserve" && (
    cd "$staging/reserve" && touch 1 2 3 4 5 6 7 8 &&
      dd if=/dev/zero of=0 bs=1024 count=256 2> /dev/null
  ) || die 4 "Cannot write to $into: its disk is full; free some space there"
  : > "$staging/unsure" &&
    { [ ! -f "$journal" ] || cp "$journal" "$staging/unsure"; } ||
    unwritable
}

# mkdir is what every UNIX does for one process only. A lock whose process is
# gone is taken over; "takeover" in it sees to it that only one run does so.
take_lock() {
  exclude_relais
  if mkdir "$lock" 2>/dev/null; then
    locked=yes
    sign "$lock" || unwritable
  else
    is_stale "$lock" && take_over
    [ -n "$locked" ] || die 7 \
      "Cannot use $own: another relais uses it; wait until it ends; if none runs, remove $lock"
  fi
}

# The lock of relais itself, which the kernel gives up with this process. Where
# relais runs, there is flock.
exclude_relais() {
  command -v flock > /dev/null 2>&1 || return 0
  exec 5>> "$own/lock" || unwritable
  # Some shells hand on only what is named. That the disk knows no locks is
  # another status.
  flock -n 5 5>&5 2> /dev/null || [ $? -ne 1 ] ||
    die 7 "Cannot use $own: another relais uses it; wait until it ends"
}

take_over() {
  contested=
  mkdir "$lock/takeover" 2>/dev/null || {
    # Whoever was about to take it over may be gone as well.
    is_stale "$lock/takeover" && rm -rf "$lock/takeover" &&
      mkdir "$lock/takeover" 2>/dev/null || return
    contested=yes
  }
  sign "$lock/takeover" || unwritable
  # Two may have found that, and both be here: the one who wrote last stays.
  [ -z "$contested" ] || sleep 2
  read -r holder < "$lock/takeover/pid" && [ "$holder" = $$ ] || return
  is_stale "$lock" && sign "$lock" && locked=yes
  rm -rf "$lock/takeover"
}

# sign DIRECTORY: says whose it is.
sign() {
  { echo $$ && command_of $$; } > "$1/pid"
}

# What a process is, as far as ps can tell: its number alone may be that of
# another one by now.
command_of() {
  ps -o args= -p "$1" 2>/dev/null || :
}

# Whether the process that made a directory is gone.
is_stale() {
  # Between its mkdir and its echo, a run has not said who it is.
  [ -s "$1/pid" ] || sleep 1
  holder=''
  what=''
  [ ! -s "$1/pid" ] || {
    read -r holder
    read -r what
  } < "$1/pid"
  [ -n "$holder" ] || return 0
  # kill may not touch a process of somebody else's, and ps may not have -p.
  { kill -0 "$holder" || ps -p "$holder"; } > /dev/null 2>&1 || return 0
  now_is=$(command_of "$holder")
  [ -n "$what" ] && [ -n "$now_is" ] && [ "$now_is" != "$what" ]
}

leave() {
  [ -n "$locked" ] || return 0
  rm -rf "$staging"
  rm -rf "$lock"
}

open_list() {
  if [ ! -e "$list" ]; then
    begin_list
  elif ! is_list; then
    set_now
    mv "$list" "$list.damaged-$now" || unusable_list
    warn "moved the list to $list.damaged-$now and began a new one: it is not a list"
    begin_list
  elif [ "$(last_byte)" != 012 ]; then
    # dd cuts its output off where it begins to write.
    size=$(head -n "$(wc -l < "$list")" "$list" | wc -c) &&
      dd if=/dev/null of="$list" bs=1 seek="$((size))" 2>/dev/null ||
      unusable_list
    warn "removed a torn last line from the list"
  fi
  is_own_list || {
    keep_live 1 && replace_list && sync
  } || unusable_list
  exec 4>> "$list" || unusable_list
}

is_list() {
  head -n 1 "$list" | tr '\000' ' ' | $awk "$names"'
    BEGIN { FS = "\t" }
    $1 == "relais-list" && $2 == "1" && NF == 4 && length($3) < 65 &&
      $3 ~ /^[0-9a-zA-Z-]+$/ && is_date($4) { good = 1 }
    END { exit !good }' && [ "$(wc -l < "$list")" -gt 0 ]
}

# Another writer's list may go on elsewhere: it is taken over, and not continued.
is_own_list() {
  [ "$(head -n 2 "$list" | tail -n 1 | tr '\000' ' ')" = "#writer $writer" ]
}

last_byte() {
  tail -c 1 "$list" | od -An -to1 | tr -d ' \n'
}

begin_list() {
  put '#set 0-0' > "$staging/carried"
  replace_list
}

# Makes a list of another generation, with the lines in $staging/carried. Written
# aside and renamed: nobody sees half of it.
replace_list() {
  set_now
  # Of two servers that begin in the same second, each has its own.
  { uname -a; ls -lai "$own"; } > "$staging/salt"
  set_digest "$staging/salt"
  {
    printf 'relais-list\t1\t%s-%s-%.16s\t%s\n#writer %s\n' \
      "${now%%.*}" "$$" "${digest#*:}" "$now" "$writer" &&
      cat "$staging/carried"
  } > "$list.new" &&
    chmod 644 "$list.new" && sync && mv "$list.new" "$list" ||
    unusable_list
}

# Writes the list anew if most of what it says is no longer so.
compact_list() {
  [ "$compaction" != never ] &&
    [ "$(($(wc -c < "$list")))" -ge "${compaction% *}" ] || return 0
  keep_live "${compaction#* }" || return 0
  replace_list
  sync
}

# keep_live SHARE: writes to $staging/carried what the next generation takes over
# of this one, numbered from 1: each entry keeps its place, and the date on which
# it was published. False if more than this share of the lines still holds.
keep_live() {
  $awk -v share="$1" "$sound"'
    BEGIN { FS = "\t"; OFS = "\t" }
    NR == 1 { generation = $3 }
    # What this generation took over itself: no more than a reader may have missed.
    NR == 2 { named = /^#writer [0-9A-Za-z.-]+$/ }
    named && !lines && ancestors < 15 && /^#from [0-9a-zA-Z-]+ [0-9]+$/ {
      ancestor[++ancestors] = $0
    }
    /^#set / { in_sets = set_end(in_sets) }
    NR == 1 || /^#/ { next }
    { lines++ }
    is_sound() && $1 + 0 > seq {
      path = decode($8)
      if (path == "" || fault(path) != "") next
      seq = $1 + 0
      $8 = encode(path)
      delete last[$8]
      if ($2 == "+") { last[$8] = NR; line[NR] = $0; number[NR] = seq }
    }
    END {
      for (path in last) live++
      if (live > share * lines) exit 1
      printf "#from %s %.0f\n", generation, seq
      for (i = 1; i <= ancestors; i++) print ancestor[i]
      printf "#carried %.0f\n", live
      seq = 0
      for (i = 1; i <= NR; i++) if (i in line) {
        $0 = line[i]
        if (last[$8] != i) continue
        $1 = ++seq
        if (number[i] <= in_sets + 0) in_set = seq
        print
      }
      # Those that are in sets come first: the lines keep their order.
      printf "#set %d-%.0f\n", (in_set ? 1 : 0), in_set
    }' "$list" > "$staging/carried"
}

# append OP MTIME SIZE MODE DIGEST PATH: one line, by one write.
append() {
  [ -n "$in_sets" ] || put_set 0 0
  seq=$((seq + 1))
  put "$seq$tab$1$tab$now$tab$2$tab$3$tab$4$tab$5$tab$6" >&4 ||
    die 4 "Cannot append to the list $list; free some space there; the next run continues"
}

# Says that the lines since the last set belong together, those of a run that was
# cut off included. What the disk had no room for belongs to the set, too.
end_set() {
  [ -n "$full" ] || [ "${in_sets:-0}" -ge "$seq" ] ||
    put_set "$((${in_sets:-0} + 1))" "$seq"
}

# put_set FIRST LAST: 0 0 says that none has ended yet.
put_set() {
  put "#set $1-$2" >&4 ||
    die 4 "Cannot append to the list $list; free some space there; the next run continues"
  in_sets=$2
}

# --- Names --------------------------------------------------------------------

# What the programs below share. Names are bytes; a list has them as UTF-8 in
# which control bytes and "%" are written as %XX. A source whose name is not
# UTF-8 is exported under its %XX form, because no reader could name it.
names='
  BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }

  # The length of the character of UTF-8 that begins at i; 0 if none does.
  # U+FFFD is none either: to readers it is what wrong bytes become.
  function width(text, i,    first, second, n, j) {
    first = code[substr(text, i, 1)]
    second = code[substr(text, i + 1, 1)]
    if (first < 128) return 1
    n = first < 194 || first > 244 ? 0 : first < 224 ? 2 : first < 240 ? 3 : 4
    if (first == 224 && second < 160 || first == 237 && second > 159) return 0
    if (first == 240 && second < 144 || first == 244 && second > 143) return 0
    if (substr(text, i, 3) == "\357\277\275") return 0
    for (j = 1; j < n; j++)
      if (substr(text, i + j, 1) !~ /^[\200-\277]$/) return 0
    return n
  }

  function is_plain(text) { return text ~ /^[ -$&-~]*$/ }

  # Whether any byte of a name is not part of UTF-8.
  function is_foreign(text,    i, n) {
    if (is_plain(text)) return 0
    for (i = 1; i <= length(text); i += n) if (!(n = width(text, i))) return 1
    return 0
  }

  function encode(text,    i, n, c, out) {
    if (is_plain(text)) return text
    for (i = 1; i <= length(text); i += n ? n : 1) {
      n = width(text, i)
      c = substr(text, i, n ? n : 1)
      if (!n || code[c] && code[c] < 32 || c == "%" || c == "\177")
        c = sprintf("%%%02X", code[c])
      out = out c
    }
    return out
  }

  # Reads %XX; "" if that cannot be a path.
  function decode(text,    at, byte, out) {
    while (at = index(text, "%")) {
      byte = digit(substr(text, at + 1, 1)) * 16 + digit(substr(text, at + 2, 1))
      if (byte < 1) return ""
      out = out substr(text, 1, at - 1) sprintf("%c", byte)
      text = substr(text, at + 3)
    }
    return out text
  }

  # The value of a hexadecimal digit; of anything else, far below zero.
  function digit(text,    at) {
    at = text == "" ? 0 : index("0123456789abcdef", tolower(text))
    return at ? at - 1 : -1000
  }

  # As split(), which in some versions of awk takes a newline for a slash.
  function parts_of(path, parts,    n, at) {
    while (at = index(path, "/")) {
      parts[++n] = substr(path, 1, at - 1)
      path = substr(path, at + 1)
    }
    parts[++n] = path
    return n
  }

  # Why a path may not be in a list, or "".
  function fault(path,    i, n, parts) {
    if (is_plain(path) && length(path) < 256 && path !~ /(^|\/)([.\/]|$)/)
      return ""
    n = parts_of(path, parts)
    if (parts[1] == ".relais")
      return "the path lies in .relais, which is reserved for relais"
    if (length(path) > 4096) return "the path is longer than 4096 bytes"
    if (path == "") return "the path is empty"
    for (i = 1; i <= n; i++) {
      if (parts[i] == "") return "the path has an empty part"
      if (parts[i] == "." || parts[i] == "..")
        return "the path has a part \"" parts[i] "\""
      if (length(parts[i]) > 255)
        return "a part of the path is longer than 255 bytes"
    }
    return is_foreign(path) ? "the path is not valid UTF-8" : ""
  }

  function is_date(text,    parts) {
    if (text !~ /^-?[0-9]+([.][0-9]+)?$/) return 0
    sub(/^-/, "", text)
    split(text, parts, ".")
    return length(parts[1]) <= 12 && length(parts[2]) <= 9
  }

  # A date as relais writes it: without needless zeros.
  function canonical(date,    sign, decimals) {
    sign = sub(/^-/, "", date) ? "-" : ""
    if (match(date, /[.]/)) {
      decimals = substr(date, RSTART)
      date = substr(date, 1, RSTART - 1)
      sub(/[.]?0*$/, "", decimals)
    }
    sub(/^0+/, "", date)
    date = (date == "" ? "0" : date) decimals
    return date == "0" ? date : sign date
  }

  # The date of a state, size/mode/seconds/fraction, as relais writes it: to
  # the millisecond, which is as fine as it knows dates.
  function date_of(state,    field, seconds, decimals, sign) {
    split(state, field, "/")
    seconds = field[3]
    decimals = match(field[4], /[.][0-9]+/) ? \
      substr(field[4], RSTART + 1, RLENGTH - 1) : ""
    decimals = substr(decimals "000000000", 1, 9)
    if (seconds ~ /^-/) {
      # Seconds are rounded down, so that -2 and .75 make -1.25.
      sign = "-"
      seconds = substr(seconds, 2)
      if (decimals + 0 > 0) {
        seconds = sprintf("%.0f", seconds - 1)
        decimals = sprintf("%09d", 1000000000 - decimals)
      }
    }
    return canonical(sign seconds "." substr(decimals, 1, 3))
  }
'

# That of POSIX cksum, which busybox may lack.
checksum='
  function checksum(text,    crc, i) {
    # The powers of 2 in 0x04c11db7; in some versions of awk there is no "^".
    split("1 2 4 16 32 128 256 1024 2048 4096 65536 4194304 8388608 67108864", \
      polynomial, " ")
    for (i = 1; i <= length(text); i++)
      crc = divide(crc, code[substr(text, i, 1)])
    for (i = length(text); i > 0; i = int(i / 256)) crc = divide(crc, i % 256)
    return sprintf("%.0f", 4294967295 - crc)
  }

  function divide(crc, byte,    bit, carry, i) {
    for (bit = 128; bit >= 1; bit /= 2) {
      carry = (crc >= 2147483648) != int(byte / bit) % 2
      crc = crc * 2 % 4294967296
      if (carry) for (i in polynomial)
        crc += int(crc / polynomial[i]) % 2 ? -polynomial[i] : polynomial[i]
    }
    return crc
  }
'

# Whether a line is an entry, but for its path.
sound=$names'
  function is_sound() {
    if (NF != 8 || $1 !~ /^[1-9][0-9]*$/ || length($1) > 16) return 0
    if (!is_date($3) || !is_date($4)) return 0
    if ($5 !~ /^(0|[1-9][0-9]*)$/ || length($5) > 16) return 0
    if ($2 == "-") return $5 == "0" && $6 == "-" && $7 == "-"
    if ($2 != "+" || $6 != "-" && $6 !~ /^[0-7][0-7][0-7][0-7]$/) return 0
    if ($7 == "-" || $7 ~ /^cksum:(0|[1-9][0-9]*)$/) return 1
    return length($7) == 71 && $7 ~ /^sha256:[0-9a-f]*$/
  }

  # The last number that is in a set, after a line that may end one. One that names
  # what is not there yet would hide what is.
  function set_end(before,    of) {
    if ($0 == "#set 0-0") return before + 0
    if ($0 !~ /^#set [1-9][0-9]*-[1-9][0-9]*$/) return before
    split(substr($0, 6), of, "-")
    if (of[1] + 0 > of[2] + 0 || of[2] + 0 > seq) return before
    return of[2] + 0 > before + 0 ? of[2] + 0 : before
  }
'
# --- Finding ------------------------------------------------------------------

# Prints a record of each file below the current directory, which is base, but
# for those of the export; and //-/./path/ of what says nothing of what it holds.
find_sources() {
  if find_in_tree -type f -exec sh -c "$look_files" sh {} + \
    2> "$staging/errors"; then
    return 0
  fi
  failed=1
  cat "$staging/errors" >&2
  find_in_tree -type d -exec sh -c '
    for directory do
      [ -r "$directory" ] && [ -x "$directory" ] ||
        printf "//-/%s/\n" "$directory"
    done' sh {} + 2>/dev/null > "$staging/unreadable"
  cat "$staging/unreadable"
  # Is there more to complain of than these directories? Then nothing is sure.
  complaints=$(wc -l < "$staging/errors")
  if [ "$complaints" -eq 0 ] ||
    [ "$complaints" -gt "$(wc -l < "$staging/unreadable")" ]; then
    warn "nothing is withdrawn, because some sources cannot be read"
    sure=no
  fi
}

# Prints a record of what is no file: //links/./path, //special/./path, and
# //directory/./path, of which those count that turn out to be empty.
find_others() {
  at=.
  if [ "$symlinks" = follow ]; then
    find_in_tree ! -type f ! -type l -exec sh -c "$look_others" sh {} +
  else
    find_in_tree ! -type f -exec sh -c "$look_others" sh {} +
  fi 2> /dev/null
}

look_others='
  for path do
    kind=special
    [ ! -d "$path" ] || kind=directory
    [ ! -h "$path" ] || kind=links
    # That it was led to is told already.
    [ "$path" = "$at" ] && [ "$at" != . ] ||
      printf "//%s/./%s\n" "$kind" "${path#./}"
  done
'

# Prints a record of what symbolic links lead to, if they are followed: of a file,
# under the path of the link; of all in a directory; else //outside/./path,
# //dangling/./path or //circular/./path.
find_linked() {
  [ "$symlinks" = follow ] || return 0
  open_way
  at=. left=//
  export at here left root outlet lead look_files look_others look_links \
    look_linked
  find_in_tree -type l -exec sh -c "$look_links" sh {} + 2> "$staging/errors"
  [ -s "$staging/errors" ] || return 0
  failed=1
  cat "$staging/errors" >&2
}

# Sets root and outlet to where base and the export really lie, but "" for "/".
open_way() {
  root=$(pwd -P && echo .) outlet=$(cd "$into" && pwd -P && echo .)
  root=${root%??} outlet=${outlet%??}
  here=$root
  [ "$root" != / ] || root='' here=''
}

# lead DIRECTORY PATH: sets led to what a path leads to from a directory, through all
# links; else, and if that is outside, false, and why is set.
lead='
  lead() {
    led=$1 rest=$2 hops=0
    while [ -n "$rest" ]; do
      case $rest in
        */*) part=${rest%%/*} rest=${rest#*/} slash=/ ;;
        *) part=$rest rest= slash= ;;
      esac
      case $part in
        "" | .) continue ;;
        ..) led=${led%/*}; continue ;;
      esac
      if [ -h "$led/$part" ]; then
        hops=$((hops + 1)) why=circular
        [ "$hops" -le 40 ] || return 1
        set_target "$led/$part"
        case $target in /*) led= ;; esac
        rest=$target$slash$rest
      else
        why=dangling
        [ -x "$led/" ] || why=closed
        [ -e "$led/$part" ] || return 1
        led=$led/$part
        [ -z "$slash" ] || [ -d "$led" ] || return 1
      fi
    done
    why=outside
    case $led/ in
      "$outlet"/*) return 1 ;;
      "$root"/*) return 0 ;;
    esac
    return 1
  }

  # Sets target to what is written in a link. Not every UNIX has readlink.
  set_target() {
    target=$(readlink "$1" 2> /dev/null && echo .)
    [ -z "$target" ] || { target=${target%??}; return; }
    target=$(ls -dn "$1" && echo .)
    target=${target#*" $1 -> "}
    target=${target%??}
  }
'
eval "$lead"

# Prints the records of links that were found below "at", which really is "here".
# "left" has the directories in which the links on the way there lie, each between
# two slashes and two slashes.
look_links='
  eval "$lead"
  links=$#
  while [ "$links" -gt 0 ]; do
    link=$1 links=$((links - 1))
    shift
    above=$here${link#"$at"}
    above=${above%/*}
    if ! lead "$above" "${link##*/}"; then
      case $why in
        closed)
          echo "relais: Cannot publish ${link#./}: permission denied on its target; let the account that publishes read it" >&2
          printf "//-/%s/\n" "$link"
          ;;
        *) printf "//%s/./%s\n" "$why" "${link#./}" ;;
      esac
    elif [ -d "$led/" ]; then
      way=$left${above#/}//
      case $way in
        *"//${led#/}/"*) printf "//circular/./%s\n" "${link#./}" ;;
        *) at=$link here=$led left=$way sh -c "$look_linked" ;;
      esac
    elif [ -f "$led" ]; then
      set -- "$@" "$link"
    else
      printf "//special/./%s\n" "${link#./}"
    fi
  done
  [ $# -eq 0 ] || eval "$look_files"
'

# Prints the records of all in the directory "here" that the link "at" leads to.
look_linked='
  # Links to directories in directories may name each one in very many ways.
  printf . >> "$staging/followed"
  [ "$(wc -c < "$staging/followed")" -le 100000 ] || {
    echo "relais: Cannot publish ${at#./}: more than 100000 links lead to directories" >&2
    printf "//-/%s/\n" "$at"
    exit 1
  }
  printf "//directory/./%s\n" "${at#./}"
  below() {
    case $outlet in
      "$here"/*)
        find -H "$at" -type d -exec test {} = "$at/${outlet#"$here"/}" \; -prune \
          -o "$@"
        ;;
      *) find -H "$at" "$@" ;;
    esac
  }
  below -type f -exec sh -c "$look_files" sh {} + &&
    below ! -type f ! -type l -exec sh -c "$look_others" sh {} + &&
    below -type l -exec sh -c "$look_links" sh {} + || printf "//-/%s/\n" "$at"
'

# Keeps their names beside the list, a kind and a path a line.
note_others() {
  $awk 'BEGIN { FS = "\t" } NF == 3 { print $2 "\t" $3 }' "$staging/sources" \
    > "$staging/skipped"
  if [ -s "$staging/skipped" ]; then
    cp "$staging/skipped" "$own/skipped.new" &&
      mv -f "$own/skipped.new" "$own/skipped"
  else
    rm -f "$own/skipped" "$own/skipped.new"
  fi || warn "Cannot write $own/skipped; check the owner, permissions and free space of $own"
}

# Sets others to what is said of them.
tell_others() {
  others=
  [ "$links" = 0 ] || others=", $links symbolic links skipped"
  [ "$outside" = 0 ] || others="$others, $outside symbolic links to the outside skipped"
  [ "$dangling" = 0 ] || others="$others, $dangling dangling symbolic links skipped"
  [ "$circular" = 0 ] || others="$others, $circular circular symbolic links skipped"
  [ "$special" = 0 ] || others="$others, $special special files skipped"
  [ "$empty" = 0 ] || others="$others, $empty empty directories skipped"
}

# Writes the name of each file of the export, after two slashes: as a record. Where
# not all can be found, none counts as missing.
find_exported() {
  (
    cd "$into" && find . -type d -name .relais -exec test {} = ./.relais \; \
      -prune -o -type f -exec sh -c 'printf "//%s\n" "$@"' sh {} +
  ) > "$staging/exported" 2> /dev/null || verify=${verify:-unknown}
}

# find_in_tree TEST…: as find, but not into the export. A process is needed only
# for directories that have its name.
find_in_tree() {
  case $into in
    "${base%/}"/*)
      name=$(printf '%s\n' "${into##*/}" | sed 's/[][*?\\]/\\&/g')
      below=${into#"${base%/}"/}
      find . -type d -name "$name" -exec test {} = "./$below" \; -prune -o "$@"
      ;;
    *) find . "$@" ;;
  esac
}

# Makes one line of each record that the filter lets pass: a key that sorts as
# relais does, the name of the source and of its copy, both encoded, the state.
describe() {
  $awk -v filter="$filter" "$names"'
    BEGIN { base = ENVIRON["base"]; sub(/\/*$/, "/", base) }
    substr($0, 1, 2) == "//" {
      if (record != "") tell(record)
      record = substr($0, 3)
      next
    }
    { record = record "\n" $0 }
    END {
      if (record != "") tell(record)
      for (name in directory) if (!(name in filled)) other("empty", name)
      # Without this mark, a full disk could make files look as if they were gone.
      print "\377\tend"
    }

    function tell(record,    cut, state, name) {
      cut = index(record, "/./")
      state = substr(record, 1, cut - 1)
      name = substr(record, cut + 3)
      # Nobody knows what is in a directory that cannot be read.
      if (state == "-") filled[substr(name, 1, length(name) - 1)] = 1
      else filled[parent(name)] = 1
      if (state ~ /^(links|outside|dangling|circular|special)$/) {
        other(state, name)
        return
      }
      if (state == "directory") {
        if (name != "" && name != ".") directory[name] = 1
        return
      }
      if (state != "-" && (base shown(name)) !~ filter) return
      printf "%s\t%s\t%s\t%s\n", \
        key(name), encode(name), encode(exported(name)), state
    }

    # Of the same globs as files.
    function other(kind, name) {
      if ((base shown(name)) ~ filter)
        printf "\376\t%s\t%s\n", kind, encode(name)
    }

    function parent(name) {
      return match(name, /\/[^\/]*$/) ? substr(name, 1, RSTART - 1) : "."
    }

    # As relais sees it, for which wrong bytes are U+FFFD.
    function shown(name,    i, n, out) {
      if (!is_foreign(name)) return name
      for (i = 1; i <= length(name); i += n ? n : 1) {
        n = width(name, i)
        out = out (n ? substr(name, i, n) : "\357\277\275")
      }
      return out
    }

    function exported(name,    i, n, parts, out) {
      if (!is_foreign(name)) return name
      n = parts_of(name, parts)
      for (i = 1; i <= n; i++)
        out = out (i > 1 ? "/" : "") \
          (is_foreign(parts[i]) ? encode(parts[i]) : parts[i])
      return out
    }

    # Directory by directory, and by the units of UTF-16, where the characters
    # of four bytes come before those from U+E000 on.
    function key(name,    i, c, out) {
      if (is_plain(name)) { gsub("/", "\001", name); return name "\001" }
      for (i = 1; i <= length(name); i++) {
        c = substr(name, i, 1)
        if (c == "/") c = "\001"
        else if (code[c] < 32) c = "\002" sprintf("%c", 64 + code[c])
        else if (code[c] == 238 || code[c] == 239) c = sprintf("%c", code[c] + 7)
        out = out c
      }
      return out "\001"
    }'
}

# --- Planning -----------------------------------------------------------------

# Holds the sources against the list, and prints what is to be done as calls of
# the functions below.
make_plan() {
  $awk -v batch_files="$batch_files" -v batch_bytes="$batch_bytes" \
    -v sure="$sure" -v max_withdraw="$max_withdraw" -v verify="$verify" "$sound"'
    BEGIN { FS = "\t"; seq = 0 }

    part == "list" && /^#set / { in_sets = set_end(in_sets) }

    part == "list" && FNR > 1 && !/^#/ {
      path = is_sound() && $1 + 0 > seq ? decode($8) : ""
      if (path == "" || fault(path) != "") { wrong++; next }
      seq = $1 + 0
      path = encode(path)
      if ($2 == "-") {
        delete dates[path]
        delete sizes[path]
        delete place[path]
        next
      }
      place[path] = ++places
      at[places] = path
      dates[path] = canonical($4)
      sizes[path] = $5
      digests[path] = $7
    }

    part == "unsure" {
      if (!($0 in unsure) && fault(decode($0)) == "") doubts[++n_doubts] = $0
      unsure[$0] = 1
    }

    # Written as the records of sources are; the last one ends with its part.
    part == "exported" && substr($0, 1, 2) != "//" {
      exported = exported "\n" $0
      next
    }
    part == "exported" || exported != "" {
      present[encode(exported)] = 1
      exported = part == "exported" ? substr($0, 5) : ""
    }

    part == "sources" && NF == 4 && $4 == "-" {
      closed[++closings] = $3
      # base itself
      if ($3 == "") sure = "no"
    }

    part == "sources" && $4 != "-" && NF == 4 {
      why = $3 in named ? \
        "another file has the name " $3 " in the export" : fault(decode($3))
      named[$3] = 1
      if (why != "") {
        call[++calls] = "fail " quote($2) " " quote(why)
        next
      }
      split($4, state, "/")
      if ($3 in dates && dates[$3] == date_of($4) && sizes[$3] == state[1]) {
        if (!($3 in unsure) && verify != "yes") {
          if (verify == "unknown" || $3 in present) { unchanged++; next }
          missing++
        } else
          question = "is_exported " quote(decode($3)) " " \
            quote(digests[$3]) ($3 in unsure ? "" : " damage") " || \\\n"
      }
      if (is_taken($3)) later[++laters] = $0
      else take($2, $3, $4, question)
      question = ""
    }

    part == "sources" && NF == 3 { others[$2]++ }

    part == "sources" && $2 == "end" { complete = 1 }

    END {
      if (!complete) exit 1
      if (wrong)
        print "warn " quote("refused " wrong " lines of the list: they break a rule")
      print "unchanged=" (unchanged + 0) " damaged=" (missing + 0)
      n = split("links outside dangling circular special empty", kinds, " ")
      for (i = 1; i <= n; i++) print kinds[i] "=" (others[kinds[i]] + 0)
      printf "seq=%.0f\n", seq
      # Without any, the list has no sets.
      print "in_sets=" (in_sets == "" ? "" : sprintf("%.0f", in_sets))
      commit()
      print_calls()
      plan_withdrawals()
      for (i = 1; i <= laters; i++) {
        $0 = later[i]
        take($2, $3, $4)
      }
      commit()
      print_calls()
    }

    # Whether the place of a file is taken by what can only be withdrawn: a file
    # where its directory should be, or files below its name.
    function is_taken(path,    listed, above) {
      if (!looked) for (listed in dates) note_above(listed)
      if (!looked) for (listed in unsure) note_above(listed)
      looked = 1
      if (path in directories) return 1
      for (above = parent(path); above != ""; above = parent(above))
        if (above in dates || above in unsure) return 1
      return 0
    }

    function note_above(path) {
      while ((path = parent(path)) != "" && !(path in directories))
        directories[path] = 1
    }

    function parent(path) {
      return match(path, /\/[^\/]*$/) ? substr(path, 1, RSTART - 1) : ""
    }

    function print_calls(    i) {
      for (i = 1; i <= calls; i++) print call[i]
      calls = 0
    }

    function take(source, target, of, question,    state, name, n) {
      split(of, state, "/")
      sources[++staged] = "./" decode(source)
      targets[staged] = target
      name = decode(target)
      sub(/.*\//, "", name)
      # Several files at a time are copied under their names, and moved.
      joins[staged] = question == "" && is_plain(source target)
      if (joins[staged]) {
        # Some disks do not tell case apart.
        n = ++namesakes[tolower(name)]
        if (n > most) most = n
        copies[staged] = n "/" name
      } else copies[staged] = "0/" staged
      stages[staged] = question "stage " staged " " quote(decode(source)) " " \
        quote(target) " " quote(of) " " date_of(of) " " quote(copies[staged])
      bytes += state[1]
      if (staged - done >= batch_files || bytes >= batch_bytes) commit()
    }

    function quote(text) {
      gsub(/\047/, "\047\\\047\047", text)
      return "\047" text "\047"
    }

    # Calls a function for several files: with no more arguments than a process may
    # have.
    function gather(function_call, argument) {
      if (function_call != gathering || length(gathered) > 16000) {
        if (gathered != "") call[++calls] = gathered
        gathering = gathered = function_call
      }
      if (function_call != "") gathered = gathered " " quote(argument)
    }

    # Not many at a time: on a disk that is nearly full, what is copied and not
    # staged yet is lost.
    function copy_and_stage(    i, from) {
      call[++calls] = "begin_copies " (most + 0)
      for (from = done + 1; from <= staged; from += 32) {
        copy_together(from, from + 31 < staged ? from + 31 : staged)
        for (i = from; i < from + 32 && i <= staged; i++)
          call[++calls] = stages[i]
      }
      split("", namesakes)
      most = 0
    }

    function copy_together(from, to,    i, n) {
      for (n = 1; n <= most; n++) {
        for (i = from; i <= to; i++)
          if (joins[i] && index(copies[i], n "/") == 1)
            gather("copy_together " n, sources[i])
        gather("")
      }
    }

    function examine(    i, from) {
      for (i = done + 1; i <= staged; i++) {
        if (length(gathered) > 16000) gather("")
        if (gathered == "") from = i
        gather("examine " from, sources[i])
      }
      gather("")
    }

    # Those that follow each other and have the same directory.
    function place_together(    i, from, above) {
      for (i = done + 1; i <= staged; i++) {
        if (!joins[i] || gathered == "" || parent(targets[i]) != above || \
          length(gathered) > 16000) {
          gather("")
          from = i
          above = parent(targets[i])
        }
        if (joins[i])
          gather("place_together " from " " quote(above), copies[i])
      }
      gather("")
    }

    # Stage, barrier, rename, barrier: only then may a line name a file.
    function commit(    i) {
      if (done == staged) return
      copy_and_stage()
      examine()
      call[++calls] = "allow " (done + 1) " " staged
      call[++calls] = "sum_up " (done + 1) " " staged
      call[++calls] = "begin_note"
      for (i = done + 1; i <= staged; i++) gather("note", targets[i])
      gather("")
      call[++calls] = "end_note"
      call[++calls] = "sync"
      place_together()
      for (i = done + 1; i <= staged; i++)
        call[++calls] = "place " i " " quote(decode(targets[i])) " " \
          quote(targets[i]) " " quote(copies[i])
      call[++calls] = "sync"
      call[++calls] = "set_now"
      for (i = done + 1; i <= staged; i++)
        call[++calls] = "announce " i " " quote(targets[i])
      call[++calls] = "sync"
      for (i = done + 1; i <= staged; i++) {
        delete sources[i]
        delete targets[i]
        delete copies[i]
        delete stages[i]
        delete joins[i]
      }
      done = staged
      bytes = 0
    }

    # The lines come first: a reader must not find a file missing that no line
    # has withdrawn.
    # What a run that was killed exported and never listed goes as well.
    function plan_withdrawals(    i, n, gone) {
      for (i = 1; i <= n_doubts; i++)
        if (!(doubts[i] in dates) && is_gone(doubts[i]))
          print "remove " quote(decode(doubts[i])) " " quote(doubts[i])
      for (i = 1; i <= places; i++) if (place[at[i]] == i) {
        listed++
        if (is_gone(at[i])) gone[++n] = at[i]
      }
      if (!n) return
      if (n > (most = allowance(listed))) {
        print "refuse " n " " listed " " most
        return
      }
      print "begin_note"
      for (i = 1; i <= n; i++) print "note " quote(gone[i])
      print "end_note"
      print "sync"
      print "set_now"
      for (i = 1; i <= n; i++)
        print "withdraw " quote(gone[i]) " " dates[gone[i]]
      print "sync"
      for (i = 1; i <= n; i++)
        print "remove " quote(decode(gone[i])) " " quote(gone[i])
    }

    function allowance(listed,    limit) {
      split(max_withdraw, limit, " ")
      return limit[1] == "files" ? limit[2] + 0 : int(listed * limit[2])
    }

    # A directory that could not be read says nothing of what is in it.
    function is_gone(path,    i) {
      if (sure == "no" || path in named) return 0
      for (i = 1; i <= closings; i++)
        if (index(path "/", closed[i]) == 1) return 0
      return 1
    }' part=list "$list" \
    part=unsure "$staging/unsure" part=exported "$staging/exported" part=sources "$staging/sources"
}

# --- Publishing ---------------------------------------------------------------

# What is known of a copy is in NUMBER.facts, a line each: where it is staged, the
# state that its source had when it was found, its listed name, its date, size and
# mode, its digest.

# begin_copies LAST: makes empty directories for the copies of a batch, 0 to LAST.
begin_copies() {
  rm -rf "$staging/copies" && mkdir "$staging/copies" &&
    (
      number=0 last=$1
      set --
      while [ "$number" -le "$last" ]; do
        set -- "$@" "$number"
        number=$((number + 1))
      done
      cd "$staging/copies" && mkdir "$@"
    ) || unwritable
}

# copy_together DIRECTORY SOURCE...: copies sources by one process where that keeps
# their dates; all of them, or none: then each is copied by itself.
copy_together() {
  copies=$staging/copies/$1
  shift
  # Where links are followed, each has to be led to.
  [ -z "$full" ] && [ -n "$cp_keeps_dates" ] && [ "$symlinks" = skip ] ||
    return 0
  for source do
    [ ! -h "$source" ] && [ -f "$source" ] || return 0
  done
  cp --preserve=timestamps "$@" "$copies" 2> /dev/null ||
    for source do
      rm -f "$copies/${source##*/}" || unwritable
    done
}

# stage NUMBER SOURCE LISTED STATE DATE COPY: copies a source, with its date, if it is
# not copied yet.
stage() {
  [ -z "$full" ] || return 0
  facts=$staging/$1.facts copy=$staging/copies/$6 state=$4
  if [ -f "$copy" ]; then
    set_size_and_mode
  else
    copy_source "$2" "$3" || return 0
  fi
  put "$6" "$4" "$3" "$5 $size $mode" > "$facts" || end_staging
}

# examine FIRST SOURCE...: looks at sources again, by one process, that have been
# copied as FIRST and those after it. What has changed is copied again.
examine() {
  number=$1
  shift
  look "$@" 2> /dev/null | $awk '
    substr($0, 1, 2) == "//" { print substr($0, 3, index($0, "/./") - 3) }
  ' > "$staging/states"
  # Which ones are missing it does not say.
  [ "$(($(wc -l < "$staging/states")))" -eq $# ] || : > "$staging/states"
  for source do
    IFS= read -r state <&3 || set_state "${source#./}"
    [ ! -f "$staging/$number.facts" ] || settle "$number" "${source#./}"
    number=$((number + 1))
  done 3< "$staging/states"
}

# settle NUMBER SOURCE: copies a source until it has, after it, the state it had
# before. Its state now is $state.
settle() {
  facts=$staging/$1.facts tries=1
  { IFS= read -r copied && IFS= read -r found && IFS= read -r listed; } \
    < "$facts"
  while [ "$state" != "$found" ]; do
    detail "$listed changed while it was copied"
    rm -f "$staging/copies/$copied" "$facts"
    [ "$tries" -lt "$attempts" ] || {
      fail "$listed" "it changes while it is copied; the next run tries again"
      return 0
    }
    tries=$((tries + 1)) found=$state
    stage "$1" "$2" "$listed" "$state" \
      "$(printf '%s\n' "$state" | $awk "$names"'{ print date_of($0) }')" \
      "$copied"
    [ -f "$facts" ] || return 0
    set_state "$2"
  done
}

# sum_up FIRST LAST: adds the digests of staged copies to what is known of them, by
# one process where the digester says one for each file.
sum_up() {
  first=$1 number=$1 last=$2
  set --
  while [ "$number" -le "$last" ]; do
    facts=$staging/$number.facts
    [ ! -f "$facts" ] ||
      { IFS= read -r copied < "$facts" && set -- "$@" "$copied"; }
    number=$((number + 1))
  done
  [ $# -gt 0 ] || return 0
  (cd "$staging/copies" && $digester "$@") 2> /dev/null | read_sums \
    > "$staging/sums"
  [ "$(($(wc -l < "$staging/sums")))" -eq $# ] || : > "$staging/sums"
  number=$first
  while [ "$number" -le "$last" ]; do
    facts=$staging/$number.facts
    [ ! -f "$facts" ] || {
      copy=$staging/copies/$1
      shift
      IFS= read -r digest <&3 || set_digest "$copy" || die 4 "Cannot read $copy"
      echo "$digest" >> "$facts" || end_staging
    }
    number=$((number + 1))
  done 3< "$staging/sums"
}

# allow FIRST LAST: gives staged copies their permissions, many at a time.
allow() {
  number=$1 last=$2 allowed=''
  set --
  while [ "$number" -le "$last" ]; do
    if [ -f "$staging/$number.facts" ]; then
      { IFS= read -r copied && IFS= read -r state; } < "$staging/$number.facts"
      set_size_and_mode
      if [ "$permissions" != "$allowed" ]; then
        change_modes "$allowed" "$@"
        set --
        allowed=$permissions
      fi
      set -- "$@" "$copied"
    fi
    number=$((number + 1))
  done
  change_modes "$allowed" "$@"
}

change_modes() {
  [ $# -lt 2 ] || (cd "$staging/copies" && chmod "$@") ||
    unwritable
}

# Makes a line of each that the digester writes of several files: their digests, which
# stand at its start or, after a "=", at its end.
read_sums() {
  $awk -v digester="$digester" '
    digester == "cksum" { print "cksum:" $1; next }
    {
      sub(/^\\/, "")
      sum = /= [0-9a-f]+$/ ? substr($0, length($0) - 63) : substr($0, 1, 64)
      if (length(sum) == 64 && sum !~ /[^0-9a-f]/) print "sha256:" sum
    }'
}

# Copies no more in this run: the disk takes nothing. What has been copied is
# published; what was not sure stays so.
end_staging() {
  full=yes
  failed=1
  rm -rf "$copy" "$facts" "$staging/reserve"
}

# is_exported EXPORTED DIGEST [damage]: whether a copy is still what the list says
# of it.
is_exported() {
  if check_parents "$1" && [ ! -h "$into/$1" ] && [ -f "$into/$1" ] &&
    set_digest "$into/$1" && [ "$digest" = "$2" ]
  then
    unchanged=$((unchanged + 1))
  else
    [ -z "${3-}" ] || damaged=$((damaged + 1))
    return 1
  fi
}

# Copies SOURCE to $copy, and sets size and mode from $state. False if it
# cannot be read: that is told.
copy_source() {
  led=./$1
  if [ "$symlinks" = follow ] && ! lead "$root" "$1" ||
    [ -h "$led" ] || [ ! -f "$led" ]
  then
    fail "$2" "it is not a regular file, or it no longer exists"
    return 1
  fi
  set_size_and_mode
  # No cp -p: it would keep the owner, who could then write to the copy.
  if [ -n "$cp_keeps_dates" ]; then
    cp --preserve=timestamps "$led" "$copy"
  else
    cp "$led" "$copy" && touch -r "$led" "$copy"
  fi && return 0
  # If it can be read, it could not be written.
  if cat "$led" > /dev/null 2>&1; then
    end_staging
    return 1
  fi
  rm -f "$copy"
  fail "$2" "it cannot be read; let the account that publishes read it"
  return 1
}

# A copy never carries setuid, setgid or sticky bits, nor may everybody write it.
set_size_and_mode() {
  size=${state%%/*}
  mode=${state#*/}
  mode=000${mode%%/*}
  while [ ${#mode} -gt 4 ]; do mode=${mode#?}; done
  others=${mode#???}
  case $others in [2367]) others=$((others - 2)) ;; esac
  permissions=${mode#?}
  permissions=${permissions%?}$others
}

# Sets state to size/mode/seconds/fraction of a source; to nothing if it is gone.
set_state() {
  state=$(look "./$1" 2>/dev/null)
  state=${state#//}
  state=${state%%/./*}
}

# begin_note, note LISTED..., end_note: what the next run looks at again, if this
# one is killed.
begin_note() {
  cp "$staging/unsure" "$journal.new" || unwritable
}

note() {
  put "$@" >> "$journal.new" || unwritable
}

end_note() {
  mv -f "$journal.new" "$journal" || unwritable
}

# At the end of a run all is settled, but what could not be looked at.
settle_notes() {
  if [ "$failed" = 0 ] || [ ! -s "$staging/unsure" ]; then
    rm -f "$journal" "$journal.new"
  else
    begin_note
    end_note
  fi
}

# place_together FIRST DIRECTORY COPY...: renames staged copies, of files that follow
# each other, to their final names in one directory: by one process. What cannot be
# moved so is moved by itself.
place_together() {
  number=$1 directory=$2
  shift 2
  [ "$keep" = 0 ] && check_parents "$directory/" make 2> /dev/null || return 0
  count=$#
  while [ "$count" -gt 0 ]; do
    [ ! -f "$staging/$number.facts" ] ||
      is_in_the_way "$into/$directory/${1##*/}" ||
      set -- "$@" "$staging/copies/$1"
    shift
    number=$((number + 1)) count=$((count - 1))
  done
  [ $# = 0 ] || mv -f "$@" "$into/$directory/" 2> /dev/null || :
}

# place NUMBER EXPORTED LISTED COPY: renames a staged copy to its final name, if that is
# not done yet.
place() {
  [ -f "$staging/$1.facts" ] && [ -f "$staging/copies/$4" ] || return 0
  if check_parents "$2" make && ! is_in_the_way "$into/$2" && keep_old "$2" &&
    mv -f "$staging/copies/$4" "$into/$2"
  then
    return 0
  fi
  rm -f "$staging/$1.facts"
  fail "$3" "a directory or a link has its name in the export, or the export cannot be written"
}

# A link is replaced, and not followed.
is_in_the_way() {
  [ ! -h "$1" ] || rm -f "$1"
  [ -d "$1" ]
}

# check_parents PATH [make]: whether all directories above it are there, and
# none is a link that leads elsewhere.
check_parents() {
  parent=$into rest=$1
  while :; do
    case $rest in */*) ;; *) return 0 ;; esac
    parent=$parent/${rest%%/*}
    rest=${rest#*/}
    [ ! -h "$parent" ] || return 1
    [ -d "$parent" ] || { [ "${2-}" = make ] && mkdir "$parent"; } || return 1
  done
}

# announce NUMBER LISTED: names a file that is in its place.
announce() {
  [ -f "$staging/$1.facts" ] || return 0
  {
    IFS= read -r copied && IFS= read -r state && IFS= read -r listed &&
      read -r date size mode && read -r digest
  } < "$staging/$1.facts"
  append + "$date" "$size" "$mode" "$digest" "$2"
  published=$((published + 1))
  detail "published $2"
}

# withdraw LISTED DATE: says that a file is about to go.
withdraw() {
  append - "$2" 0 - - "$1"
  withdrawn=$((withdrawn + 1))
  detail "withdrew $1"
}

# refuse GONE LISTED MOST: sources that are gone may be a disk that is not mounted.
refuse() {
  refusal="Cannot withdraw $1 of $2 files: publish.max_withdraw allows $3; check that \
all file systems below $base are mounted; if the files were removed on purpose, run \
\"$0 --accept-shrink\""
}

# keep_old EXPORTED: gives what is about to go a second name in the trash of the
# day. What is exported is replaced and never written to.
keep_old() {
  [ "$keep" != 0 ] && [ -f "$into/$1" ] || return 0
  day=$trash/$(date -u +%Y-%m-%d) count=0
  while [ -e "$day/$1" ]; do
    count=$((count + 1))
    day=$trash/$(date -u +%Y-%m-%d).$count
  done
  case $1 in
    */*) kept=$day/${1%/*} ;;
    *) kept=$day ;;
  esac
  (umask 077 && mkdir -p "$kept") && ln "$into/$1" "$day/$1"
}

# Takes out of the trash what was thrown away long enough ago.
empty_trash() {
  [ "$keep" != 0 ] && [ -d "$trash" ] || return 0
  find "$trash/." ! -name . -prune -mtime "+$keep" -exec rm -rf {} +
}

# remove EXPORTED LISTED: takes a withdrawn file away, and the directories that
# it leaves empty.
remove() {
  if [ -f "$into/$1" ] && [ ! -h "$into/$1" ]; then
    check_parents "$1" && keep_old "$1" && rm -f "$into/$1" || {
      fail "$2" "a link has its name in the export, or the export cannot be written"
      return 0
    }
  fi
  emptied=$1
  while [ "$emptied" != "${emptied%/*}" ]; do
    emptied=${emptied%/*}
    [ -d "$into/$emptied" ] || continue
    check_parents "$emptied" && rmdir "$into/$emptied" 2> /dev/null || return 0
  done
}

# In a function, ksh would take these for traps of the function.
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

main "$@"
