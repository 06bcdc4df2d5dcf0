# nginx: Debian's nginx-light, laid out as the official image: /usr/share/nginx/html, conf.d, logs to
# the standard streams.
TAGS="nginx:latest nginx:alpine"
CHANGES=('CMD ["nginx", "-g", "daemon off;"]' 'EXPOSE 80')

rootfs() {
    local root=$1
    rootfs_put_resolver "$root"
    rootfs_user "$root" nginx 101
    rootfs_put "$root" /usr/sbin/nginx
    mkdir -p "$root"/etc/nginx/conf.d "$root"/usr/share/nginx/html "$root"/var/{log,lib,cache}/nginx
    cp /etc/nginx/mime.types "$root/etc/nginx/"
    ln -s /dev/stdout "$root/var/log/nginx/access.log"
    ln -s /dev/stderr "$root/var/log/nginx/error.log"
    echo '<html><body><h1>Welcome to nginx!</h1></body></html>' >"$root/usr/share/nginx/html/index.html"
    cat >"$root/etc/nginx/nginx.conf" <<'END'
user nginx;
worker_processes 1;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    include /etc/nginx/conf.d/*.conf;
}
END
    cat >"$root/etc/nginx/conf.d/default.conf" <<'END'
server {
    listen 80;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html;
    }
}
END
}
