# make            packages, build, bundle
# make run        the daemon in the foreground, state in ./var (STATE=DIR)
# make test       what needs nothing but Node
# make test-system  what needs real peers; installs them by apt (Debian, root)
# make chaos      processes of the daemon are killed under load, and everything is looked through (ROUNDS=200 SEED=n)
# make bench      every figure that we aim at, measured (BENCH='idle copy': some of them)
# make bench-peer  this daemon beside Debian's cinder-volume (RELEASE=4: on RabbitMQ 4.x); as root
# make check      format, lint, types, unused code
# make sample     etc/cinder/cinder.conf.sample from the option tables
# make install    into DESTDIR (nothing: the machine itself), below PREFIX; make uninstall takes it away

NODE    ?= node
STATE   ?= var
ROUNDS  ?= 200
SEED    ?=
PREFIX  ?= /usr
UNITDIR ?= /lib/systemd/system
ESBUILD  = node_modules/.bin/esbuild
SOURCES := $(shell find src test -name '*.ts' 2>/dev/null)

all: build/.compiled build/.bundled

node_modules/.installed: package.json package-lock.json
	npm install --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

build/.compiled: node_modules/.installed tsconfig.json $(SOURCES)
	node_modules/.bin/tsc -p . --noCheck
	@touch $@

# The program starts from bundles: separate modules need twice the time and memory. One is the supervisor and the client
# commands, one the workers; beside each lies what V8 made of it (src/bundle.ts). A process reads the client of a database
# server from a file of its own, if it has one, and the YAML parser.
BUNDLE := $(ESBUILD) --bundle --platform=node --target=node20 --minify-whitespace --minify-syntax \
  --external:@photostructure/sqlite --define:process.env.NODE_ENV='"production"' --sourcemap=linked --sources-content=false \
  --legal-comments=external --log-level=warning --format=cjs

build/.bundled: node_modules/.installed $(SOURCES)
	@rm -rf build/bundle
	$(BUNDLE) src/main.ts src/worker.ts src/start-main.ts src/start-worker.ts src/write-cache.ts --outdir=build/bundle \
	  --out-extension:.js=.cjs --external:mysql2 --external:pg --external:yaml \
	  --define:import.meta.url=__url --banner:js="const __url = require('node:url').pathToFileURL(__filename).href;"
	for package in mysql2 pg yaml; do \
	  $(BUNDLE) $$package --outfile=build/bundle/node_modules/$$package.js || exit; \
	done
	$(NODE) build/bundle/write-cache.cjs main.cjs config check --config-file etc/cinder/embedded.conf
	$(NODE) --optimize-for-size build/bundle/write-cache.cjs worker.cjs
	@touch $@

bundle: build/.bundled

# The configuration is made once and then belongs to whoever runs it.
run: build/.bundled
	@mkdir -p '$(STATE)'
	@test -e '$(STATE)/cinder.conf' || sed "s|^\[DEFAULT\]$$|&\nstate_path = $$(cd '$(STATE)' && pwd)|" etc/cinder/embedded.conf > '$(STATE)/cinder.conf'
	@exec $(NODE) bin/volume-daemon --config-file '$(STATE)/cinder.conf'

check: node_modules/.installed
	node_modules/.bin/biome ci --error-on-warnings .
	node_modules/.bin/tsc -p . --noEmit
	node_modules/.bin/knip --no-progress

test: build/.compiled build/.bundled
	@$(NODE) --test --test-concurrency=6 $$(find build/test -name '*.test.js' -not -path '*/system/*' | sort)

test-system: build/.compiled build/.bundled
	test/system/install
	test/system/broker-roots
	@$(NODE) --test --test-concurrency=2 $$(find build/test/system -name '*.test.js' | sort)
	@$(NODE) build/test/chaos/main.js

chaos: build/.compiled build/.bundled
	@ROUNDS='$(ROUNDS)' SEED='$(SEED)' $(NODE) build/test/chaos/main.js

# Which requirements no test names: make ids SPEC=DIR, with the pages in DIR.
ids: build/.compiled
	@$(NODE) build/test/support/ids.js '$(SPEC)'

bench: build/.compiled build/.bundled
	@$(NODE) build/test/bench/bench.js $(BENCH)

bench-peer: build/.compiled build/.bundled
	test/system/install
	@$(NODE) build/test/bench-peer/bench-peer.js $(RELEASE)

sample: build/.bundled
	@$(NODE) bin/volume-daemon config sample > build/cinder.conf.sample
	@mv build/cinder.conf.sample etc/cinder/cinder.conf.sample

# What is laid out below lib/volume-daemon is this folder without what only a developer needs, so that the program finds its
# parts the same way. Needs no network once `make` has run.
LIB  = $(DESTDIR)$(PREFIX)/lib/volume-daemon
DOC  = $(DESTDIR)$(PREFIX)/share/doc/volume-daemon
COPY = install -m 0644

install: build/.bundled
	install -d '$(LIB)/bin' '$(LIB)/build/bundle' '$(LIB)/node_modules' '$(DESTDIR)$(PREFIX)/bin' \
	  '$(DESTDIR)/etc/cinder/rootwrap.d' '$(DESTDIR)/etc/logrotate.d' '$(DESTDIR)$(UNITDIR)' \
	  '$(DESTDIR)$(PREFIX)/lib/sysusers.d' '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d' \
	  '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DOC)/examples'
	rm -rf '$(LIB)/build/bundle'/* '$(LIB)/node_modules'/*
	find build/bundle -type f -exec install -D -m 0644 {} '$(LIB)/{}' \;
	$(COPY) package.json '$(LIB)'
	install -m 0755 bin/volume-daemon '$(LIB)/bin'
	for package in @photostructure/sqlite node-gyp-build; do \
	  for file in $$(cd node_modules/$$package && find package.json *.js LICENSE dist prebuilds/$$($(NODE) -p 'process.platform + "-" + process.arch') \
	    -type f -not -name '*.map' -not -name '*.d.*' 2>/dev/null); do \
	    install -D -m 0644 "node_modules/$$package/$$file" "$(LIB)/node_modules/$$package/$$file" || exit 1; \
	  done; \
	done
	ln -sf ../lib/volume-daemon/bin/volume-daemon '$(DESTDIR)$(PREFIX)/bin/volume-daemon'
	ln -sf volume-daemon '$(DESTDIR)$(PREFIX)/bin/cinder-volume'
	$(COPY) etc/cinder/cinder.conf.sample '$(DESTDIR)/etc/cinder'
	$(COPY) etc/cinder/rootwrap.d/volume-daemon.filters '$(DESTDIR)/etc/cinder/rootwrap.d'
	$(COPY) etc/logrotate.d/volume-daemon '$(DESTDIR)/etc/logrotate.d'
	sed 's|@PREFIX@|$(PREFIX)|' etc/systemd/volume-daemon.service.in > '$(DESTDIR)$(UNITDIR)/volume-daemon.service'
	chmod 0644 '$(DESTDIR)$(UNITDIR)/volume-daemon.service'
	ln -sf volume-daemon.service '$(DESTDIR)$(UNITDIR)/cinder-volume.service'
	$(COPY) etc/systemd/volume-daemon.sysusers '$(DESTDIR)$(PREFIX)/lib/sysusers.d/volume-daemon.conf'
	$(COPY) etc/systemd/volume-daemon.tmpfiles '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/volume-daemon.conf'
	$(NODE) bin/volume-daemon completion bash > '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/volume-daemon'
	$(COPY) README.md CHANGELOG.md LICENSE '$(DOC)'
	$(COPY) etc/systemd/*.conf '$(DOC)/examples'

uninstall:
	rm -rf '$(LIB)' '$(DOC)'
	rm -f '$(DESTDIR)$(PREFIX)/bin/volume-daemon' '$(DESTDIR)$(PREFIX)/bin/cinder-volume' \
	  '$(DESTDIR)/etc/cinder/cinder.conf.sample' '$(DESTDIR)/etc/cinder/rootwrap.d/volume-daemon.filters' \
	  '$(DESTDIR)/etc/logrotate.d/volume-daemon' '$(DESTDIR)$(UNITDIR)/volume-daemon.service' \
	  '$(DESTDIR)$(UNITDIR)/cinder-volume.service' '$(DESTDIR)$(PREFIX)/lib/sysusers.d/volume-daemon.conf' \
	  '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/volume-daemon.conf' \
	  '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/volume-daemon'

format: node_modules/.installed
	node_modules/.bin/biome check --write .

clean:
	rm -rf build

.PHONY: ids all bundle run check test test-system chaos bench bench-peer sample install uninstall format clean
