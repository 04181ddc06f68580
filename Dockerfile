# The daemon in a container, beside what it guards. See docs/container.md.
FROM node:20-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY LICENSE tsconfig.json rolldown.config.mjs ./
COPY src src
RUN npm run build

FROM node:20-bookworm-slim
# As process 1 tini hands signals on, and reaps what start commands leave behind.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables nftables tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/knocktail
COPY package.json knock.schema.json ./
COPY --from=build /src/dist dist
RUN ln -s /opt/knocktail/dist/main.js /usr/local/bin/knocktail
# About 0.1 s of a core each time.
HEALTHCHECK --interval=1m --timeout=10s --start-period=10s CMD ["knocktail", "health"]
ENTRYPOINT ["tini", "--", "knocktail"]
CMD ["run"]
