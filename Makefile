.PHONY: check lint types test slow docs fixtures notebooks notebooks-check

check: lint types test

lint:
	ruff check
	ruff format --check

types:
	pyright

test:
	pytest

slow:
	pytest -m slow

docs:
	mkdocs build --strict

fixtures:
	python tools/make_fixtures.py

notebooks:
	python tools/notebooks.py

notebooks-check:
	python tools/notebooks.py --check
