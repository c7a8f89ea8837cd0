# Vestibule with Kratos, Hydra and a mailbox in one container, on SQLite, for trying it. From the root of the checkout, after
# docker/Dockerfile:
#   docker build -f docker/trial.Dockerfile -t vestibule-trial .
ARG GATEWAY_IMAGE=vestibule
ARG GO_IMAGE=golang:1.26-bookworm
# A stage or an image with the programs in /programs.
ARG PROGRAMS=built

FROM ${GO_IMAGE} AS built
ENV CGO_ENABLED=0 GOFLAGS= GOWORK=off
COPY docker/sqlite /build/sqlite
COPY docker/kratos/go.mod docker/kratos/go.sum /build/kratos/
COPY docker/hydra/go.mod docker/hydra/go.sum /build/hydra/
COPY docker/mailpit/go.mod docker/mailpit/go.sum /build/mailpit/
RUN for name in kratos hydra mailpit; do \
      cd /build/$name && package=$(go list tool) && version=$(go list -f '{{.Module.Version}}' "$package") && \
      case $name in mailpit) symbol="$package/config" ;; *) symbol="$package/driver/config" ;; esac && \
      go build -mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false -tags=sqlite \
        -ldflags="-s -w -X $symbol.Version=$version" -o /programs/$name "$package" || exit 1; \
    done

FROM ${PROGRAMS} AS programs

FROM ${GATEWAY_IMAGE}
USER 0
COPY --from=programs --chown=0:0 --chmod=755 /programs /app/bin
COPY docker/kratos /app/docker/kratos
COPY docker/hydra /app/docker/hydra
# Readable for every user, whatever the umask of the checkout was.
RUN chmod -R a+rX docker
USER 1000:1000
ENV NODE_ENV= \
    PUBLIC_URL=http://localhost:3000 \
    MAILBOX_HOST=0.0.0.0 \
    MAILBOX_PORT=8025
EXPOSE 8025
CMD ["node", "dist/launcher/main.js"]
