#!/bin/sh
# Runs once, when PostgreSQL's volume is empty: three databases, each with an owner of its own.
set -eu

for name in vestibule kratos hydra; do
  psql --set=ON_ERROR_STOP=1 --set=name="$name" --set=password="$(cat "/run/secrets/postgres_$name")" \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke all on database :"name" from public;
SQL
done
