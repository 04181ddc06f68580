# The daemon in a container: host network, the host's log folder, NET_ADMIN. See README.md.
FROM node:20-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json rolldown.config.mjs ./
COPY src src
RUN npm run build

FROM node:20-bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/knocktail
COPY --from=build /src/package.json ./
COPY --from=build /src/dist dist
ENTRYPOINT ["node", "/opt/knocktail/dist/main.js"]
CMD ["run", "-c", "/etc/knocktail/knock.yaml"]
