#!/bin/sh
# For the command line that follows, a journalctl that begins to follow the journal two seconds after its start. To be
# run in a mount namespace of its own.
set -eu
folder=/mnt
mount -t tmpfs tmpfs "$folder"
cp /usr/bin/journalctl "$folder/real"
cat > "$folder/late" <<EOF
#!/bin/sh
case " \$* " in *' -f '*) sleep 2 ;; esac
exec "$folder/real" "\$@"
EOF
chmod 755 "$folder/late"
mount --bind "$folder/late" /usr/bin/journalctl
exec "$@"
