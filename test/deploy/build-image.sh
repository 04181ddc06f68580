#!/usr/bin/env bash
# The Dockerfile -> the image localhost/knocktail:test, on a machine that has podman, but may have neither an engine nor a
# registry of images: the base is then made of Debian's packages and of the node and npm that are here. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."

base=docker.io/library/node:20-bookworm-slim
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CONTAINERS_CONF="$PWD/test/deploy/containers.conf"

if ! podman image exists "$base" && ! timeout 60 podman pull -q "$base"; then
  root="$scratch/root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" > "$scratch/log" 2>&1 ||
    { tail -n 20 "$scratch/log" >&2; exit 1; }
  node=$(readlink -f "$(command -v node)")
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  install -D "$node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
  cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # Where this machine reaches the registry through a mirror, so does the base.
  cat /etc/ssl/certs/ca-certificates.crt > "$root/etc/ssl/certs/ca-certificates.crt"
  settings=$(npm config get globalconfig)
  if [ -e "$settings" ]; then cp "$settings" "$root/usr/local/etc/npmrc"; fi
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -cf - . | podman import -q - "$base"
fi

podman build -q --isolation=chroot --network=host --pull=never --format docker --layers -t localhost/knocktail:test .
