# The same files as `make image` writes, for those who build with a container tool:
#   docker build -t localhost/ferrolb:0.1.0 .
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN mkdir -p /root/layer/dev /root/layer/etc /root/layer/proc /root/layer/sys && install -d -m 1777 /root/layer/tmp \
    && cp "$(cargo run --quiet --locked --package xtask -- binary)" /root/layer/ferrolb \
    && ln -s ferrolb /root/layer/controller \
    && ln -s ferrolb /root/layer/speaker \
    && cp LICENSE /root/layer/

FROM scratch
COPY --from=build /root/layer/ /
ENTRYPOINT ["/ferrolb"]
