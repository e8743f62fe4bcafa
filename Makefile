.PHONY: check lint types test rest slow docs fixtures notebooks notebooks-check

check: lint types test

lint:
	ruff check
	ruff format --check

types:
	pyright

test:
	pytest

rest:
	pytest -m rest

slow:
	pytest -m slow

docs:
	sphinx-build -W --keep-going -q -j auto -c docs -d build/doctrees . build/site

fixtures:
	python tools/make_fixtures.py

notebooks:
	python tools/notebooks.py

notebooks-check:
	python tools/notebooks.py --check
