# One image for every part: broker, viewer and collectors. How to run it: docs/docker.md.
# The classic builder and BuildKit both build it.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_BUILD_CONSTRAINT=/src/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# What we stand on comes first and apart, so that a change of our own code builds, pushes and pulls one small layer.
# Source maps are for debugging other people's JavaScript, and pandas brings its own tests: 90 MB of both.
COPY pyproject.toml constraints.txt ./
RUN python -m venv --without-pip /app/venv \
    && python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
print(*project["dependencies"], sep="\n"); \
[print(*project["optional-dependencies"][extra], sep="\n") for extra in ("collectors", "broker", "gateway", "viewer", "zstd")]' \
        > requirements.txt \
    && pip --python /app/venv/bin/python install -r requirements.txt \
    && find /app/venv -name '*.map' -type f -delete \
    && rm -r /app/venv/lib/python3*/site-packages/pandas/tests

COPY README.md LICENSE ./
COPY mq mq
COPY collectors collectors
COPY viewer viewer
RUN pip --python /app/venv/bin/python install --no-deps --prefix /app/own .

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
# /tmp is the one place besides the data that may be written to, also when the rest is mounted read-only.
ENV PATH=/app/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 \
    MINIMQ_HEALTH=/tmp/minimq.health MINIMQ_NEEDS_VOLUME=true
WORKDIR /app
# The official image comes without byte code of Python's own library: made at each start, it costs a collector 5 MB.
RUN python -m compileall -q -x '/(tests?|idlelib|tkinter|turtledemo|site-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')"
# A new volume takes its owner from here. No VOLUME: it would leave an empty one behind for each collector and viewer.
RUN install -d -o 10001 -g 10001 -m 750 data
COPY --from=builder /app/venv venv
COPY --from=builder /app/own venv
# In numbers, so that Kubernetes can see that it is not root.
USER 10001:10001
# The gateway; ingest, live, control, health and metrics; the page.
EXPOSE 5000 5555 5556 5557 5558 8080
# One for every part: each tells in a note how it is to be asked. It says in one line what is wrong: docker inspect.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "mq.health"]
ENTRYPOINT ["minimq"]
CMD ["--help"]

ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MiniMQ" \
      org.opencontainers.image.description="A small message broker with a journal, collectors of host metrics, and a viewer" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
