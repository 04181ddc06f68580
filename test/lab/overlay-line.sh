#!/bin/sh
# LINE -> has the kernel print it as a line of a message of its own, as any local user can: a mount of overlay in a user
# namespace fails, and the kernel prints the name of the folder, line feeds included. Run it by setpriv as another user.
exec unshare --user --map-root-user --mount sh -eu -c '
mount -t tmpfs none /mnt
cd /mnt
mkdir merged lower
folder="a
$0
b"
if mount -t overlay none -o "lowerdir=lower,upperdir=$folder,workdir=$folder" merged; then exit 1; fi
' "$1"
