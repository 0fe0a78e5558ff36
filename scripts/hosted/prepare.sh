#!/usr/bin/env bash
# Makes the contexts that .github/workflows/e2e.yml builds on GitHub's images: no registry but the job's own is asked.
set -euo pipefail

sudo apt-get update --quiet
sudo apt-get install --yes --quiet --no-install-recommends busybox-static

mkdir -p .hosted/plain .hosted/recent
cp /bin/busybox .hosted/plain/busybox
cp /bin/busybox .hosted/recent/busybox
date > .hosted/plain/file
printf 'of the context\n' > .hosted/recent/file

# The RUN comes before the file that changes: a warm build takes it from the cache.
cat > .hosted/plain/Dockerfile <<'DOCKERFILE'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox dd if=/dev/urandom of=/random bs=1M count=16"]
COPY file /file
DOCKERFILE

# Buildah 1.33 knows neither of the two flags.
cat > .hosted/recent/Dockerfile <<'DOCKERFILE'
FROM scratch
COPY --link busybox /bin/busybox
COPY --parents file /parents/
DOCKERFILE
