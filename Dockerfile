# Targets: serve (the default), with-artifact, gpu, train, ticketing. Each is one environment from a lock with hashes, run
# by nobody, on a root that may be read-only; no shell is started. docs/deploy.md says how to build and run them.
#
# PYTHON_DIGEST pins the base to the byte: --build-arg PYTHON_DIGEST=@sha256:...
# LOCK=extras gives serve and with-artifact the extras otel, page and report as well, LOCK=openvino what int8-bf16 needs.
# PIP_INDEX_URL and PIP_CERT are pip's own: a mirror, a company's certificate (in what --volume or a base brings).
ARG PYTHON_TAG=3.11.14-slim-bookworm
ARG PYTHON_DIGEST=
FROM python:${PYTHON_TAG}${PYTHON_DIGEST} AS base

# What builds, and is in no image.
FROM base AS build
ARG PIP_INDEX_URL
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY locks/build.txt locks/audit.txt locks/
RUN python3 -m venv /tools && /tools/bin/pip install --quiet --require-hashes -r locks/build.txt \
 && python3 -m venv /audit && /audit/bin/pip install --quiet --require-hashes -r locks/audit.txt
COPY pyproject.toml README.md LICENSE ./
COPY consumer consumer
COPY schemas schemas
COPY docs docs
COPY training training
COPY local local
RUN /tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist .

FROM build AS build-serve
ARG LOCK=serve
COPY locks/serve.txt locks/extras.txt locks/openvino.txt locks/
RUN python3 -m venv --without-pip /opt/shikyu \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --require-hashes -r locks/${LOCK}.txt \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --no-deps --no-index /dist/*.whl \
 && /audit/bin/cyclonedx-py environment /opt/shikyu/bin/python --pyproject pyproject.toml --output-reproducible -o /opt/shikyu/sbom.json

FROM build AS build-gpu
COPY locks/gpu.txt locks/
RUN python3 -m venv --without-pip /opt/shikyu \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --require-hashes -r locks/gpu.txt \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --no-deps --no-index /dist/*.whl \
 && /audit/bin/cyclonedx-py environment /opt/shikyu/bin/python --pyproject pyproject.toml --output-reproducible -o /opt/shikyu/sbom.json

FROM build AS build-train
COPY locks/fit.txt locks/
RUN python3 -m venv --without-pip /opt/shikyu \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --require-hashes -r locks/fit.txt \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --no-deps --no-index /dist/*.whl \
 && /audit/bin/cyclonedx-py environment /opt/shikyu/bin/python --pyproject pyproject.toml --output-reproducible -o /opt/shikyu/sbom.json

FROM build AS build-ticketing
COPY locks/ticketing.txt locks/
RUN python3 -m venv --without-pip /opt/shikyu \
 && /tools/bin/pip --python /opt/shikyu/bin/python install --quiet --require-hashes -r locks/ticketing.txt \
 && /audit/bin/cyclonedx-py environment /opt/shikyu/bin/python --output-reproducible -o /opt/shikyu/sbom.json

# What all images share. /tmp has to be writable, for the lock file of the slot: a tmpfs, an emptyDir.
FROM base AS runs
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="shikyu" \
      org.opencontainers.image.description="Reads customer messages from Kafka, tells the urgent from the routine, publishes each exactly once." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      shikyu.sbom="/opt/shikyu/sbom.json" \
      shikyu.sbom.format="CycloneDX"
ENV PATH=/opt/shikyu/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
# A number, for Kubernetes' runAsNonRoot can't look names up.
USER 65532:65532
# Where ./shikyu.toml is looked for.
WORKDIR /etc/shikyu

# A model on one or more GPUs: torch's packages bring CUDA, the host its driver.
FROM runs AS gpu
COPY --from=build-gpu /opt/shikyu /opt/shikyu
ENV SHIKYU_HTTP_HOST=0.0.0.0 SHIKYU_MODEL_ARTIFACT=/artifact SHIKYU_MODEL_DEVICE=cuda \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/livez', timeout=4)"]
ENTRYPOINT ["shikyu"]
CMD ["run"]

FROM runs AS train
COPY --from=build-train /opt/shikyu /opt/shikyu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["shikyu-train"]
CMD ["--help"]

FROM runs AS ticketing
COPY --from=build-ticketing /opt/shikyu /opt/shikyu
COPY examples/__init__.py /app/examples/__init__.py
COPY examples/ticketing /app/examples/ticketing
ENV PYTHONPATH=/app
WORKDIR /app
ENTRYPOINT ["python", "-m", "examples.ticketing"]
CMD ["run"]

# The artifact is mounted at /artifact.
FROM runs AS serving
COPY --from=build-serve /opt/shikyu /opt/shikyu
ENV SHIKYU_HTTP_HOST=0.0.0.0 SHIKYU_MODEL_ARTIFACT=/artifact
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/livez', timeout=4)"]
ENTRYPOINT ["shikyu"]
CMD ["run"]

# Or it is a part of the image: --target with-artifact --build-arg ARTIFACT=my-model/artifact
FROM serving AS with-artifact
ARG ARTIFACT=artifacts/sample
COPY ${ARTIFACT} /artifact

FROM serving AS serve
