"""Jobs and projects as text, for the tests of this folder."""

from __future__ import annotations

from runner.errors import Invalid
from runner.job.load import read_job, read_project

JOB = """\
version: 1
name: summer-sale
feed: {path: products.csv}
steps:
  ad:
    use: sivi/design
output: {dir: out}
"""

FULL = """\
version: 1
name: summer-sale
feed:
  path: ../examples/feeds/products.xml
  format: auto
  key: id
  where: row.availability == 'in_stock' and row.price.amount < 50
  limit: 50
  guard: {min_rows: 1, max_drop: 30%}
  encoding: latin-1
  delimiter: ";"
  header_line: 2
  fields: {title: "Product name"}
vars: {brand: Acme, season: summer}
matrix:
  locale: [en-US, de-DE]
  size:
    - {name: mpu, width: 300, height: 250}
    - {name: leaderboard, width: 728, height: 90}
  exclude: [{locale: de-DE, size: {name: leaderboard}}]
  include: [{locale: fr-FR, size: {name: mpu, width: 300, height: 250}}]
variants: 2
steps:
  headline:
    use: jivox/text
    with: {prompt: {template: headline.j2}}
    expect: {max_chars: 30}
  scene:
    use: vyro/ai-background
    with: {image: "{{ row.image_link }}", seed: "{{ seed }}"}
    when: row.product_type is defined
    save: "{{ row.id }}/{{ matrix.locale }}/scene-{{ variant }}"
    uncertain: retry
  ad:
    use: sivi/design
    with: "{{ row | omit('metadata') }}"
    again: 2
    uncertain: {retry: 2, max_cost: 2 USD}
    expect: {width: "{{ matrix.size.width }}", height: 250, max_kb: 150.5, format: [jpeg, png]}
budget: {cost: 20 USD, requests: 100}
output: {dir: ../out/summer-sale}
refresh: {cron: "0 6 * * *", max_age: 30d}
"""

PROJECT = """\
version: 1
state: .adbatch
templates: templates
providers:
  jivox: {key: {env: JIVOX_API_KEY}, account: "1042"}
  sivi: {key: {env: SIVI_API_KEY}, plan: general, limits: {rate: [50/1m, 10/1s], concurrent: 4, queued: 10, polls_count: false}}
  placewise: {key: {file: /run/secrets/placewise}, user_key: {env: PLACEWISE_USER}, club: my-mall, poll_url: null}
  house-llm: {kind: openai, base_url: "http://127.0.0.1:8000/v1", model: llama-3}
prices:
  sivi/media: {each: 0.05, currency: USD}
budget: {cost: 50 USD, requests: 10000}
"""


def job_mistakes(text: str) -> list[str]:
    """Every complaint about a job as `line:column path: message`; empty where there is none."""
    return _mistakes(read_job, text)


def project_mistakes(text: str) -> list[str]:
    """The same for a project file."""
    return _mistakes(read_project, text)


def _mistakes(read, text: str) -> list[str]:
    try:
        read(text.encode(), "x.yaml")
    except Invalid as error:
        return [f"{c.place.line}:{c.place.column} {c.path}: {c.message}" for c in error.complaints if c.place is not None]
    return []
