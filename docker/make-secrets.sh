#!/bin/sh
# Makes what docker/compose.yml mounts, once: secrets/ (passwords, keys, a certificate by a local authority) and .env.
# What is there already stays as it is, but for the name of the images, which each run takes from the checkout. Needs openssl.
# Settings, by environment:
#   PUBLIC_URL   origin that browsers see; default https://localhost:8443
#   ADMIN_EMAIL  the first administrator; default admin@ and the host of PUBLIC_URL, where that is a domain
#   SMTP_URL     mail server; default the compose file's mailbox (docker compose --profile mailbox up)
set -eu
unset CDPATH
cd "$(dirname "$0")"
umask 077

fail() {
  echo "$1" >&2
  exit 78
}

openssl version >/dev/null 2>&1 || fail "openssl is missing: install it and run this again"
url="${PUBLIC_URL:-https://localhost:8443}"
host="$(printf '%s' "$url" | sed -nE 's|^https://([A-Za-z0-9.-]+)(:[0-9]{1,5})?$|\1|p')"
[ -n "$host" ] || fail "PUBLIC_URL must be https://, a host name and, where needed, a port"

# An address like 192.0.2.1 and a bare name like localhost have no passkeys and no mail, in that order.
case "$host" in *[!0-9.]*) is_name=true ;; *) is_name=false ;; esac
case "$is_name $host" in 'true '*.*) domain="$host" ;; *) domain=vestibule.example ;; esac

mkdir -p secrets
chmod 700 secrets

# put NAME: keeps standard input as secrets/NAME, unless it's there. The folder is closed to everybody else; the files
# aren't, because each container reads its own under another user.
put() {
  if [ ! -e "secrets/$1" ]; then
    cat >"secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
  else
    cat >/dev/null
  fi
  [ -s "secrets/$1" ] || fail "docker/secrets/$1 is empty: remove docker/secrets, unless a deployment uses it, and run this again"
}
# put_random NAME HOW BYTES: the same, of random bytes. A failure isn't seen on the left of a pipe.
put_random() {
  random="$(openssl rand "$2" "$3")"
  printf '%s\n' "$random" | put "$1"
}
read_secret() { cat "secrets/$1"; }

for name in postgres_superuser postgres_vestibule postgres_kratos postgres_hydra redis_password; do
  put_random "$name" -hex 24
done
put_random gateway_secrets -base64 32
put_random admin_password -hex 12
printf '%s\n' "${SMTP_URL:-smtp://mailbox:1025/?disable_starttls=true}" | put smtp_url

printf 'postgres://vestibule:%s@postgres:5432/vestibule\n' "$(read_secret postgres_vestibule)" | put database_url
printf 'redis://:%s@redis:6379\n' "$(read_secret redis_password)" | put redis_url
printf 'requirepass %s\n' "$(read_secret redis_password)" | put redis.conf

default="$(openssl rand -hex 32)"
cookie="$(openssl rand -hex 32)"
cipher="$(openssl rand -hex 16)"
put kratos.yml <<YAML
dsn: postgres://kratos:$(read_secret postgres_kratos)@postgres:5432/kratos?sslmode=disable&max_conns=20&max_idle_conns=20&max_conn_idle_time=1m
secrets:
  default: [$default]
  cookie: [$cookie]
  cipher: [$cipher]
courier:
  smtp:
    connection_uri: $(read_secret smtp_url)
YAML
system="$(openssl rand -hex 32)"
cookie="$(openssl rand -hex 32)"
salt="$(openssl rand -hex 32)"
put hydra.yml <<YAML
dsn: postgres://hydra:$(read_secret postgres_hydra)@postgres:5432/hydra?sslmode=disable&max_conns=20&max_idle_conns=20&max_conn_idle_time=1m
secrets:
  system: [$system]
  cookie: [$cookie]
oidc:
  subject_identifiers:
    pairwise:
      salt: $salt
YAML

# A certificate of your own goes to secrets/tls.crt (with its chain) and secrets/tls.key before the first run, or replaces these.
if [ ! -e secrets/tls.crt ] || [ ! -e secrets/tls.key ]; then
  # What is there of a set was left by a run that was interrupted, belonged to a certificate that was removed, or is yours.
  for name in tls.crt tls.key ca.crt; do
    [ ! -e "secrets/$name" ] ||
      fail "docker/secrets/$name has no complete certificate beside it: add tls.crt and tls.key, or remove it for new ones"
  done
  if [ "$is_name" = true ]; then subject="DNS:$host"; else subject="IP:$host"; fi
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Vestibule local authority' \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' \
    -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
  # Browsers read the host from subjectAltName; a common name has 64 characters at most.
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$(printf '%.64s' "$host")" \
    -keyout "$work/tls.key" -out "$work/tls.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$subject" >"$work/extensions"
  openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 397 \
    -extfile "$work/extensions" -out "$work/tls.crt" 2>"$work/said" || fail "no certificate for $host: $(cat "$work/said")"
  # The authority's key is not kept: it signed this certificate and never signs another.
  put ca.crt <"$work/ca.crt"
  put tls.key <"$work/tls.key"
  put tls.crt <"$work/tls.crt"
fi

# What the gateways trust besides public authorities. A private authority's own certificate goes here before the first run.
put ca.crt <secrets/tls.crt

if [ ! -e .env ]; then
  cat >.env.new <<ENV
# Read by docker compose. Secrets are in the folder secrets.
PUBLIC_URL=$url
ADMIN_EMAIL=${ADMIN_EMAIL:-admin@$domain}
# Whom mails come from: your mail server must allow it.
SMTP_FROM=no-reply@$domain
BRAND_NAME=Vestibule
# Port of this machine that the proxy is published at.
HTTPS_PORT=$(printf '%s' "$url" | sed -nE 's|^.*:([0-9]+)$|\1|p' | grep . || echo 443)
# Passkeys belong to a host name for good; they can't be had for an address.
PASSKEYS_ENABLED=$is_name
PASSKEY_DOMAIN=$host
# Empty, because they are in secrets/kratos.yml and secrets/hydra.yml.
KRATOS_DSN=
KRATOS_SECRETS_DEFAULT=
KRATOS_SECRETS_COOKIE=
KRATOS_SECRETS_CIPHER=
HYDRA_DSN=
HYDRA_SECRETS_SYSTEM=
HYDRA_SECRETS_COOKIE=
HYDRA_PAIRWISE_SALT=
SMTP_URL=
ENV
  mv .env.new .env
fi

# version_of_checkout: with its commit between releases, as scripts/version.mjs has it, or without git with a sum of what the
# image is built from.
version_of_checkout() (
  cd ..
  version="$(sed -n 's/^  "version": "\([^"]*\)".*/\1/p' package.json)"
  case "$version" in
  *-dev)
    unset GIT_DIR
    export GIT_CEILING_DIRECTORIES="$(dirname "$PWD")"
    if commit="$(git describe --always '--exclude=*' --abbrev=12 --dirty=.modified 2>/dev/null)"; then
      version="$version.$(printf '%s' "$commit" | sed -E 's/^([0-9]+(\.|$))/g\1/')"
    else
      version="$version.files-$(find docker/Dockerfile package*.json nest-cli.json tsconfig*.json scripts src -type f \
        -exec openssl dgst -sha256 {} + 2>/dev/null | LC_ALL=C sort | openssl dgst -sha256 -r | cut -c 1-12)"
    fi
    ;;
  esac
  printf '%s\n' "$version"
)

# A bundle has nothing to build from: its images are brought along, with the name in compose.yml.
if [ -e ../src ] && [ -e ../package.json ]; then
  mark='# by make-secrets.sh, at each run'
  # As bytes: settings may be in any encoding. 1 says that there are no others.
  others="$(LC_ALL=C grep -v " $mark\$" .env || [ $? -eq 1 ])"
  printf '%s\n' "$others" >.env.new
  grep -qE '^(export +)?VESTIBULE_VERSION' .env.new ||
    printf 'VESTIBULE_VERSION=%s %s\n' "$(version_of_checkout)" "$mark" >>.env.new
  mv .env.new .env
fi

# Containers read what is mounted as users of their own, whatever the umask of the checkout or of a certificate's owner was.
for file in secrets/*; do
  # A link's file belongs to someone else: its key would be open to everyone.
  if [ -L "$file" ]; then
    fail "$PWD/$file is a link: copy the file instead"
  fi
  chmod 444 "$file"
done
chmod -R a+rX kratos hydra nginx postgres
echo "docker/secrets and docker/.env are complete. The first administrator's password is in docker/secrets/admin_password."
