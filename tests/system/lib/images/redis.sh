# redis: Debian's redis-server; leading options go to redis-server as in the official image.
TAGS="redis:7 redis:latest redis:alpine"
CHANGES=('ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server", "--protected-mode", "no"]'
    'EXPOSE 6379' 'VOLUME /data' 'WORKDIR /data' 'USER redis')

rootfs() {
    local root=$1
    rootfs_put_resolver "$root"
    rootfs_user "$root" redis 999 /data
    install -d -o 999 -g 999 "$root/data"
    rootfs_put "$root" /usr/bin/redis-server /usr/bin/redis-cli
    cat >"$root/usr/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
set -e
case $1 in -* | *.conf) set -- redis-server "$@" ;; esac
exec "$@"
END
    chmod 755 "$root/usr/bin/docker-entrypoint.sh"
}
