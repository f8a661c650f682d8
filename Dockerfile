# The gateway; with `--target sidecar` the sidecar, of the same layers.
FROM node:26-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
RUN npm ci --omit=dev --ignore-scripts

FROM node:26-slim AS program
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY bin bin
COPY examples examples
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN mkdir -p /var/lib/pilotlight && chown node:node /var/lib/pilotlight
# The image's user node, by number: Kubernetes cannot tell a name from root, and Knative runs no sidecar that may be root.
USER 1000:1000

# Knative gives the image of its sidecar neither arguments nor a command. Without bin/pilotlight, which looks for a Node: the
# one of the image is known.
FROM program AS sidecar
EXPOSE 8012 8112 8022 9090 9091
ENTRYPOINT ["node", "/app/dist/main.js", "sidecar"]

FROM program
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/bin/pilotlight"]
CMD ["serve", "--config", "/etc/pilotlight/pilotlight.yaml"]
