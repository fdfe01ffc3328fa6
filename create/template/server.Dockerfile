# The server on one machine: one process with one SQLite file in /data. Run one container of it, never two on the same volume.
FROM node:24-slim
WORKDIR /app
ARG SIROCCO=^__VERSION__
RUN npm install --no-audit --no-fund "sirocco@${SIROCCO}" && mkdir /data && chown node:node /data
ENV NODE_ENV=production
USER node
VOLUME /data
EXPOSE 7411
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7411/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# `node` itself, not npx: npx does not pass SIGTERM on.
CMD ["node", "node_modules/sirocco/dist/bin.js", "dev", "--host", "0.0.0.0", "--port", "7411", "--data", "/data"]
