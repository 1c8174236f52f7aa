#!/bin/sh
# Makes what docker-compose.yml reads from ./secrets: the database's password, a token for the codec server, the keyring that
# everything in Temporal is encrypted with (docs/keyring.md: keep a copy), and the certificates with which Temporal and its
# clients prove to each other who they are. What is there already is kept.
#
#   deploy/make-secrets.sh [FOLDER] [NAME...]      FOLDER: default ./secrets
#                                                  NAME: what clients call Temporal; default temporal localhost 127.0.0.1
#
# Two authorities: `cluster` for Temporal's own services, `clients` for workers, command line and Web UI. A client's
# certificate therefore never passes for a server's. The keys of both authorities (*-ca.key) are needed only to make
# further certificates: move them to where you keep such things.
#
# The folder is for its owner alone. The files in it are readable: each container runs as another user, and sees only
# those that are mounted into it.
set -eu

folder=${1:-./secrets}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- temporal localhost 127.0.0.1

ca_days=3650
days=397

mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
umask 022

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

authority() { # name, common name
  [ -e "$1-ca.pem" ] && return
  new_key "$1-ca.key"
  chmod 600 "$1-ca.key"
  openssl req -x509 -new -sha256 -days "$ca_days" -key "$1-ca.key" -subj "/O=Keyturn/CN=$2" -out "$1-ca.pem" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
}

certificate() { # name, authority, common name, extended key usage, names (DNS:…,IP:…)
  [ -e "$1.pem" ] && return
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/O=Keyturn/CN=$3" -out "$1.csr"
  {
    echo 'basicConstraints = critical, CA:FALSE'
    echo 'keyUsage = critical, digitalSignature'
    echo "extendedKeyUsage = $4"
    [ -z "$5" ] || echo "subjectAltName = $5"
  } >"$1.ext"
  # A random serial number: certificates of one authority are told apart by it.
  openssl x509 -req -sha256 -days "$days" -in "$1.csr" -CA "$2-ca.pem" -CAkey "$2-ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$1.ext" -out "$1.pem" 2>openssl.log || { cat openssl.log >&2; exit 1; }
  rm -f "$1.csr" "$1.ext" openssl.log
}

names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
  esac
  names="${names:+$names,}$kind:$name"
done

[ -e postgres-password ] || openssl rand -hex 32 | tr -d '\n' >postgres-password
# For who asks the codec server by hand: docs/codec-server.md.
[ -e codec-tokens.json ] ||
  printf '{"tokens": [{"name": "operator", "token": "%s", "namespaces": ["keyturn"]}]}\n' "$(openssl rand -hex 32)" \
    >codec-tokens.json
if [ ! -e keyring.json ]; then
  id=k$(openssl rand -hex 4)
  printf '{"version": 1, "activeId": "%s", "keys": {"%s": "%s"}}\n' "$id" "$id" "$(openssl rand -base64 32)" >keyring.json
fi
authority cluster 'Temporal cluster'
authority clients 'Temporal clients'
# Temporal's services are each other's clients too.
certificate temporal cluster temporal serverAuth,clientAuth "$names"
certificate client clients keyturn clientAuth ''
chmod 644 ./*.pem temporal.key client.key postgres-password codec-tokens.json keyring.json

echo "$(pwd): postgres-password, codec-tokens.json, keyring.json, certificates for $*"
[ -e openrouter-management-key ] || echo "still missing: openrouter-management-key (your OpenRouter management key)"
