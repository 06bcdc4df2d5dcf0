# busybox: Debian's busybox-static, also as alpine, for scripts that only want a shell.
TAGS="busybox:latest kfs/busybox:latest alpine:latest alpine:3.17"
CHANGES=('CMD ["sh"]')

rootfs() {
    :
}
