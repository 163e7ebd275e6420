# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
ARG REVISION=unknown
RUN mkdir /data
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}" \
    -o /connectycube_exporter .

FROM scratch
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="connectycube_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the chat of ConnectyCube applications" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/connectycube-exporter/connectycube_exporter" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY --from=build /connectycube_exporter /connectycube_exporter
# For the state file and other output. A new volume that is mounted here takes over the owner; anywhere else it would
# be root's.
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
EXPOSE 10425
# Docker before Engine 25 takes no notice of the start interval, and asks after 30s.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=2s CMD ["/connectycube_exporter", "healthcheck"]
ENTRYPOINT ["/connectycube_exporter"]
