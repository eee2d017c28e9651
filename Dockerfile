# The service, and a relay for those who have none. Build: docker compose build
FROM python:3.13-slim AS app
RUN useradd --system --home-dir /srv --shell /usr/sbin/nologin newsletter \
 && install -d -o newsletter -g newsletter /var/lib/newsletter
WORKDIR /srv
COPY requirements/prod.txt requirements/prod.txt
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/prod.txt
COPY pyproject.toml README.md LICENSE ./
COPY newsletter newsletter
COPY workers workers
COPY templates templates
ENV PYTHONPATH=/srv PYTHONUNBUFFERED=1 NEWSLETTER_DATA_DIR=/var/lib/newsletter
USER newsletter
ENTRYPOINT ["python", "-m"]
CMD ["newsletter.cli.main", "--help"]

# Postfix that takes mail from this network only and delivers it. Sign with DKIM before it leaves: see
# docs/operations/deliverability.md.
FROM debian:bookworm-slim AS relay
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postfix ca-certificates \
 && rm -rf /var/lib/apt/lists/*
CMD ["sh", "-c", "postconf -e \"myhostname=$RELAY_HOSTNAME\" 'mydestination=' 'inet_interfaces=all' 'inet_protocols=ipv4' 'mynetworks=127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16' 'smtpd_relay_restrictions=permit_mynetworks,reject' 'smtp_tls_security_level=may' 'maillog_file=/dev/stdout' && exec postfix start-fg"]
