# One image for every process; compose.yaml says which command each service runs.
# TORCH_PIP_ARGS chooses PyTorch's build, as in the Makefile: without it pip takes the CUDA build.
FROM python:3.11-slim-bookworm

ARG TORCH_PIP_ARGS=""
ARG UID=1000

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
WORKDIR /opt/ostiary

# PyTorch first and alone: otherwise pip replaces the chosen build.
RUN python -m pip install ${TORCH_PIP_ARGS} torch==2.13.0

COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY config config
COPY engine engine
COPY ostiary ostiary
COPY streams streams
COPY training training
COPY workers workers
RUN python -m pip install -c requirements.lock '.[server,worker]'

# The weights must be those of the manifest, and the command line must start.
RUN ostiary models verify && ostiary --help > /dev/null

RUN useradd --uid "${UID}" --create-home ostiary \
 && install -d -o ostiary -m 700 /var/lib/ostiary
USER ostiary
ENV OSTIARY_HOME=/var/lib/ostiary
VOLUME /var/lib/ostiary

CMD ["ostiary", "--help"]
