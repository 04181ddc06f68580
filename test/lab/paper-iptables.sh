#!/bin/sh
# An iptables whose chains are files in a folder beside it, for tests that have no firewall: rules are kept as they are given.
tables="$0.d"
name=$(basename "$0")
say() { echo "$name: $1" >&2; exit 1; }
[ "$1" = --version ] && exit 0
[ "$1" = -w ] && shift
if [ ! -d "$tables" ]; then
  mkdir "$tables"
  for chain in INPUT FORWARD OUTPUT; do : > "$tables/$chain"; done
fi
command=$1
chain=$2
list() {
  case $1 in
    INPUT | FORWARD | OUTPUT) echo "-P $1 ACCEPT" ;;
    *) echo "-N $1" ;;
  esac
  sed "s/^/-A $1 /" "$tables/$1"
}
if [ "$command" = -S ] && [ -z "$chain" ]; then
  for each in "$tables"/*; do list "$(basename "$each")"; done
  exit 0
fi
if [ "$command" = -N ]; then
  [ ! -e "$tables/$chain" ] || say 'Chain already exists.'
  : > "$tables/$chain"
  exit 0
fi
[ -e "$tables/$chain" ] || say 'No chain/target/match by that name.'
shift 2
at=1
if [ "$command" = -I ]; then
  at=$1
  shift
fi
rule=
for word in "$@"; do
  case $word in *' '*) word="\"$word\"" ;; esac
  rule="$rule${rule:+ }$word"
done
file="$tables/$chain"
case $command in
  -S) list "$chain" ;;
  -E) say 'File exists.' ;;
  -F) : > "$file" ;;
  -X) rm "$file" ;;
  -A) echo "$rule" >> "$file" ;;
  -I) { head -n $((at - 1)) "$file"; echo "$rule"; tail -n "+$at" "$file"; } > "$file.new" && mv "$file.new" "$file" ;;
  -C | -D)
    found=$(grep -nxF -e "$rule" "$file" | head -n 1 | cut -d: -f1)
    [ -n "$found" ] || say 'Bad rule (does a matching rule exist in that chain?).'
    [ "$command" = -C ] || sed -i "${found}d" "$file"
    ;;
  *) say "no such command: $command" ;;
esac
