# syntax=docker/dockerfile:1
# 有据 in a container: CPU only, not root, nothing written outside /data and /tmp. How to use it: docs/deployment.md
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/youju
# torch from PyTorch's own index: the one of PyPI brings 4 GB of CUDA.
RUN --mount=type=bind,source=constraints.txt,target=constraints.txt \
    TORCH="$(grep -i '^torch==' constraints.txt)" \
    && /opt/youju/bin/pip install --index-url https://download.pytorch.org/whl/cpu "$TORCH"
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY rag rag
COPY embeddings embeddings
COPY prompts prompts
COPY eval eval
# pip is not needed to run.
RUN /opt/youju/bin/pip install -c constraints.txt '.[llama]' \
    && /opt/youju/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="youju" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 youju \
    && useradd --uid 10001 --gid youju --home-dir /data --no-create-home --shell /usr/sbin/nologin youju \
    && install -d -o youju -g youju -m 700 /data
COPY --from=build /opt/youju /opt/youju
ENV PATH=/opt/youju/bin:$PATH \
    HOME=/data \
    YOUJU_LIBRARY=/data/library \
    YOUJU_MODELS=/data/models \
    YOUJU_HOST=0.0.0.0 \
    YOUJU_LOG=- \
    GRADIO_ANALYTICS_ENABLED=False \
    PYTHONUNBUFFERED=1
USER 10001:10001
# A youju.toml in here is read, too.
WORKDIR /data
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["youju"]
CMD ["serve"]
