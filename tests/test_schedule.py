"""The command `reevaluate` as a scheduler starts it: alarms, exit status, summary and log, notices, the lock, retention, the samples."""

import ast
import json
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from conftest import COMMAND, plain_environment
from small_shop import opened

from helpers import ROOT, NinefoldError, __main__, report, run, schedule
from helpers import project as projects
from helpers.engine import Engine
from helpers.erase import known
from helpers.schedule import alarms, logs, notices, retention

SAMPLES = ROOT / "src" / "helpers" / "schedule" / "samples"
DAYS = "client,ticket,at,paid\n" + "".join(f"{n % 7},T{n},2024-{1 + n // 28:02d}-{1 + n % 28:02d} 10:00:00,5\n" for n in range(84))
"""A line a day, from 1 January on, 28 a month, until 28 March."""
SEGMENTATION = {"segments": [{"id": "s1", "name": "One"}], "variables": []}


@pytest.fixture
def shop(tmp_path, monkeypatch, in_english):
    """A shop with a line a day, and `shop.ran(as_of, …)` to put a complete run of it there."""
    make = opened(tmp_path, monkeypatch)
    monkeypatch.delenv(notices.VARIABLE, raising=False)

    def ran(as_of="2024-03-01", number="0001", rows=59, files=None, verdict="keep"):
        base = make.place / "runs" / as_of / number
        for step in run.STEPS:
            (base / run.folder(step) / "page").mkdir(parents=True)
        steps = [{"step": step, "finding": f"{step} is done.", "gives": []} for step in run.STEPS]
        run.write_json(base / "03_collect" / "quality.json", {"facts": {"orders": {"rows": rows}}})
        run.write_json(base / "06_build" / "segmentation.json", SEGMENTATION)
        run.write_json(base / "09_reevaluate" / "reevaluation.json", {"verdict": verdict, "reasons": [], "next_review": "2024-06-01"})
        (base / "06_build" / "membership.parquet").write_text("people")
        (base / "project.yml").write_text((make.place / "project.yml").read_text())
        record = {"as_of": f"{as_of}T00:00:00", "project": "shop", "files": files or {}, "steps": steps}
        run.write_json(base / "run.json", record)
        pages = tmp_path / "reports" / "shop" / as_of / number
        pages.mkdir(parents=True)
        (pages / "index.html").write_text("page")
        return pages

    def look(as_of="2024-03-29", **options):
        plan = projects.load("shop")
        moment = projects.instant(as_of, plan)
        return alarms.look(plan, moment, alarms.run_until(plan, moment), **options)

    def settle(till=DAYS, **settings):
        make(files={"till.csv": till}, scope={"window_days": 30, "horizon_days": 30}, reevaluate=settings)
        return projects.load("shop")

    settle()
    return SimpleNamespace(make=make, place=make.place, ran=ran, look=look, settle=settle, reports=tmp_path / "reports" / "shop")


@pytest.fixture
def published(shop, monkeypatch):
    """In place of nine notebooks, a run with this verdict; `published.calls` has what it was asked for."""
    found = SimpleNamespace(calls=[], verdict="keep", error=None)

    def publish(project, **given):
        found.calls.append((project, given))
        if found.error:
            raise found.error
        return shop.ran("2024-03-29", f"{len(found.calls):04d}", verdict=found.verdict)

    monkeypatch.setattr(report, "publish", publish)
    shop.ran()
    return found


def summary(shop, number="0001", as_of="2024-03-29"):
    return json.loads((shop.place / "reevaluations" / as_of / f"{number}.json").read_text(encoding="utf-8"))


def log(shop, number="0001", as_of="2024-03-29"):
    return (shop.place / "reevaluations" / as_of / f"{number}.log").read_text(encoding="utf-8")


# ---- alarms, before anything is run


def test_data_that_go_on_as_before_raise_no_alarm(shop):
    shop.ran(rows=56)  # 28 + 28 lines before 1 March
    assert shop.look() == []


def test_rows_of_the_past_that_are_gone_are_an_alarm_with_their_share(shop):
    shop.ran(rows=140)
    [found] = shop.look()
    assert found == {"code": "fewer", "table": "orders", "value": 56 / 140, "limit": 0.5, "since": "2024-03-01/0001"}


@pytest.mark.parametrize(("rows", "codes"), [(112, ["fewer"]), (111, ["fewer"]), (109, [])])
def test_data_shrunk_by_half_are_an_alarm_by_whole_per_cents(shop, rows, codes):
    shop.ran(rows=rows)
    assert [alarm["code"] for alarm in shop.look()] == codes  # 56 of 112, 111 and 109: 50, 50 and 51 per cent


def test_the_loss_of_one_file_of_customers_shows_although_the_table_has_enough_rows(shop):
    people = {"table": "customers", "columns": {"customer_id": "id"}}
    sources = {"crm": people | {"file": "crm.csv", "ids": "crm"}, "web": people | {"file": "web.csv", "ids": "web"}}
    files = {"till.csv": DAYS, "crm.csv": "id\n1\n", "web.csv": "id\n1\n2\n3\n4\n"}
    shop.make(sources, files, scope={"window_days": 30, "horizon_days": 30})
    shop.ran(rows=56)
    ids = ["crm:1", "crm:2", "crm:3", "web:1", "web:2", "web:3", "web:4"]  # the till is typed first: its ids alone stand bare
    place = shop.place / "runs" / "2024-03-01" / "0001" / "03_collect" / "identity.parquet"
    pd.DataFrame({"raw_id": ids, "customer_id": ids}).to_parquet(place)
    [found] = shop.look()
    assert (found["code"], found["table"], found["ids"], found["value"]) == ("fewer", "customers", "crm", 1 / 3)


def test_a_run_that_kept_no_count_is_compared_with_in_nothing(shop):
    shop.ran()
    (shop.place / "runs" / "2024-03-01" / "0001" / "03_collect" / "quality.json").unlink()
    assert shop.look() == []


@pytest.mark.parametrize("text", ["", "client,ticket,at,paid\n", "client,ticket,at,paid\r\n\r\n"])
def test_a_file_without_a_row_is_an_alarm(shop, text):
    shop.ran()
    shop.settle(till=text)
    assert [(a["code"], a["file"]) for a in shop.look()] == [("empty", "till.csv")]


def test_a_file_that_was_empty_when_the_last_run_read_it_is_none(shop):
    shop.settle(till="client,ticket,at,paid\n")
    shop.ran(files={"till.csv": run.digest(shop.place / "till.csv")})
    plan = projects.load("shop")
    moment = projects.instant("2024-03-29", plan)
    assert alarms.emptied(Engine(plan, moment), alarms.run_until(plan, moment)) == []


def test_a_newest_order_older_than_allowed_is_an_alarm_as_under_a_clock_years_ahead(shop):
    shop.ran(rows=56)
    assert [a["code"] for a in shop.look("2024-04-18")] == []  # 20.6 days after 28 March, 10 o'clock
    assert "stale" in [a["code"] for a in shop.look("2024-04-26")]  # four weeks without a line: a month that nobody exported
    [found] = [a for a in shop.look("2034-03-29") if a["code"] == "stale"]
    assert found["limit"] == 21 and found["value"] == pytest.approx(3652.58, abs=0.01)


def test_orders_that_stop_half_way_are_an_alarm_although_the_newest_is_fresh(shop):
    lines = DAYS.splitlines(keepends=True)
    many = "".join(line.replace("T", f"T{copy}-") for line in lines[1:57] for copy in range(3))  # January and February three times
    shop.settle(till=lines[0] + many + "".join(lines[57:]))
    shop.ran(rows=168)
    [found] = shop.look()
    assert found["code"] == "collapsed" and found["days"] == 28
    assert found["value"] == 28 / 81  # 1 to 28 March; 2 to 28 February three times (29 February has no line)


def test_people_who_were_erased_and_come_back_with_an_export_are_an_alarm(shop, capsys):
    shop.ran(rows=56)
    erased = [{"certificate": "1", "ids": [known.hashed("salt", "3")], "emails": []}, {"certificate": "2", "ids": ["gone"], "emails": []}]
    run.write_json(shop.place / "erased.json", {"format": 1, "salt": "salt", "erased": erased})
    assert shop.look() == [{"code": "returned", "value": 1, "limit": 1}]
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 10
    assert "ALARM: 1 person who was erased is in the data again." in capsys.readouterr().out


def test_a_clock_behind_the_newest_run_is_an_alarm_where_it_gave_the_day(shop):
    shop.ran("2024-03-29")
    assert shop.look("2024-03-28", clock=True) == [{"code": "clock", "value": "2024-03-28", "limit": "2024-03-29"}]
    assert shop.look("2024-03-28") == []


def test_an_alarm_ends_the_command_with_10_and_nothing_is_run(shop, published, capsys):
    (shop.place / "till.csv").write_text("client,ticket,at,paid\n")
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 10
    assert published.calls == []
    found = summary(shop)
    assert (found["outcome"], found["status"], found["alarms"][0]["code"]) == ("alarm", 10, "empty")
    assert "ALARM: the file till.csv has no rows" in capsys.readouterr().out
    assert not (shop.reports / "2024-03-29").exists()


# ---- the exit status, the summary and the log


@pytest.mark.parametrize(("verdict", "status"), [("keep", 0), ("adjust", 10), ("look", 10), ("refit", 10), ("cannot tell", 10)])
def test_keep_is_0_and_every_other_verdict_10(shop, published, verdict, status):
    published.verdict = verdict
    assert schedule.reevaluate("shop", as_of="2024-03-29", language="fr") == status
    given = {"as_of": "2024-03-29T00:00:00", "language": "fr", "approved": "2024-03-01/0001", "reuse": True}
    assert published.calls == [("shop", given)]
    found = summary(shop)
    assert (found["verdict"], found["run"], found["pages"]) == (verdict, "2024-03-29/0001", "reports/shop/2024-03-29/0001/index.html")
    assert found["next_review"] == "2024-06-01" and found["approved"] == {"run": "2024-03-01/0001", "role": None, "on": None}


def test_everything_printed_is_in_the_log_with_its_time_errors_marked(shop, published, capsys):
    published.error = NinefoldError("Step 06_build stopped.\nMend it.")
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 1
    lines = log(shop).splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)
    assert [line[21:] for line in lines][1:3] == ["! Step 06_build stopped.", "! Mend it."]
    out, err = capsys.readouterr()
    assert err == "Step 06_build stopped.\nMend it.\n" and "2024" not in err
    assert (summary(shop)["status"], summary(shop)["message"]) == (1, "Step 06_build stopped.\nMend it.")


def test_a_fault_of_the_program_is_raised_and_its_trace_logged(shop, published):
    published.error = ZeroDivisionError("division by zero")
    with pytest.raises(ZeroDivisionError):
        schedule.reevaluate("shop", as_of="2024-03-29")
    assert "Traceback" in log(shop) and summary(shop)["message"] == "ZeroDivisionError: division by zero"


def test_a_day_before_the_approved_run_is_refused_with_1(shop, published, capsys):
    run.approve("shop", "2024-03-01", "Head of CRM", on="2024-03-02")
    assert schedule.reevaluate("shop", as_of="2024-02-01") == 1
    assert "is earlier than 2024-03-01, the day of the run 2024-03-01/0001 that was approved" in capsys.readouterr().err
    assert published.calls == []


def test_an_approved_run_whose_folder_is_gone_is_applied_all_the_same_and_said(shop, published):
    import shutil

    run.approve("shop", "2024-03-01", "Head of CRM", on="2024-03-02")
    shutil.rmtree(shop.place / "runs" / "2024-03-01")
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 0
    assert published.calls[0][1]["approved"] == "2024-03-01/0001"
    assert summary(shop)["remarks"][0].startswith("The folder of the run 2024-03-01/0001 is gone: its segmentation is applied as")


def test_a_project_without_a_run_has_nothing_to_evaluate_again(shop, capsys):
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 1
    assert "shop has no complete run before 2024-03-29" in capsys.readouterr().err


def test_a_project_yml_that_cannot_be_read_has_its_log_and_summary_too(shop, monkeypatch, capsys):
    (shop.place / "project.yml").write_text("title: [\n")
    monkeypatch.setattr(schedule, "now", lambda zone: schedule.datetime(2024, 3, 29))
    assert schedule.reevaluate("shop", as_of="today") == 1
    assert "not readable as YAML" in summary(shop)["message"]
    assert schedule.reevaluate("shop", as_of="2024-07-01") == 1  # a day that was typed stays the name of its folder
    assert "not readable as YAML" in summary(shop, as_of="2024-07-01")["message"]


def test_today_is_midnight_of_the_projects_time_zone(shop, monkeypatch):
    plan = projects.load("shop")
    monkeypatch.setattr(schedule, "now", lambda zone: schedule.datetime(2024, 3, 29, 0, 30) if zone == "Europe/Paris" else None)
    assert schedule.instant("today", plan) == schedule.datetime(2024, 3, 29)


def test_two_logs_of_one_day_have_two_numbers(tmp_path):
    with logs.opened(tmp_path, "2024-03-29") as one, logs.opened(tmp_path, "2024-03-29") as two:
        assert (one.path.name, two.path.name) == ("0001.log", "0002.log")


def test_the_command_asks_for_a_day_and_make_hands_its_options_on():
    with pytest.raises(NinefoldError, match="Say as of which day"):
        __main__.reevaluate(SimpleNamespace(as_of=None), [])
    options, _ = __main__.read(["reevaluate", "--project", "shop", "--as-of", "today", "--language", "fr"])
    assert (options.project, options.as_of, options.language) == ("shop", "today", "fr")
    options, _ = __main__.read(["approve", "--run", "2024-03-01/0001", "--role", "Head of CRM", "--on", "2024-03-02"])
    assert (options.run, options.role, options.on, options.project) == ("2024-03-01/0001", "Head of CRM", "2024-03-02", "complete_journey")


# ---- notices


@pytest.fixture
def web(monkeypatch):
    """A server on this machine that keeps what is posted to it."""
    monkeypatch.setenv("NO_PROXY", "localhost")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    posted = []
    server = HTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield SimpleNamespace(posted=posted, address=f"json://localhost:{server.server_port}/hook")
    server.shutdown()
    server.server_close()


def test_attention_is_told_to_the_addresses_in_notices_txt_and_keep_is_not(shop, published, web):
    (shop.place / "notices.txt").write_text(f"# the analyst\n{web.address}\n\n{web.address}\n")
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 0 and web.posted == []
    published.verdict = "refit"
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 10
    [told] = web.posted
    assert told["title"] == "shop, 2024-03-29: fit the segments again"
    assert told["message"].splitlines()[0] == "reevaluate is done." and "reports/shop/2024-03-29/0002/index.html" in told["message"]
    assert summary(shop, "0002")["notices"] == {"sent": 1, "failed": []}


@pytest.mark.parametrize(("when", "told"), [("never", 0), ("attention", 1), ("always", 1)])
def test_a_failure_is_told_unless_no_notice_is_wanted(shop, published, web, monkeypatch, when, told):
    shop.settle(notices=when)
    monkeypatch.setenv(notices.VARIABLE, web.address)
    published.error = NinefoldError("Step 06_build stopped.")
    schedule.reevaluate("shop", as_of="2024-03-29")
    assert [post["message"] for post in web.posted] == ["Step 06_build stopped."] * told


def test_a_notice_that_cannot_be_sent_is_said_without_its_password_and_is_no_failure(shop, published, monkeypatch, capsys):
    monkeypatch.setenv("NO_PROXY", "localhost")
    shop.settle(notices="always")
    monkeypatch.setenv(notices.VARIABLE, "json://user:s3cret@localhost:9/ pigeon://s3cret")
    assert schedule.reevaluate("shop", as_of="2024-03-29") == 0
    err = capsys.readouterr().err
    assert "Notice not sent to the address NINEFOLD_NOTICES, 1 (json): it did not take it." in err
    assert "NINEFOLD_NOTICES, 2 (pigeon): Apprise does not know this form of address." in err
    assert "s3cret" not in err + log(shop) + json.dumps(summary(shop)) and len(summary(shop)["notices"]["failed"]) == 2


# ---- the lock


HOLDS = """
import sys, time
from helpers import project, report
with report.locked(project.load("shop")):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(shop) -> subprocess.Popen:
    own = {"NINEFOLD_HOME": str(shop.place.parents[1]), "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([sys.executable, "-c", HOLDS], env=plain_environment() | own, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of a Unix system")
def test_of_two_at_once_the_second_says_so_with_1_and_a_killed_ones_lock_is_taken_over(shop, monkeypatch):
    monkeypatch.setattr(report, "_execute", lambda *a, **k: pytest.fail("nothing may run"))
    shop.ran()
    process = holder(shop)
    try:
        assert schedule.reevaluate("shop", as_of="2024-03-29") == 1
        assert summary(shop)["message"].startswith("Another run of shop is under way")
    finally:
        process.kill()
        process.wait()
    assert (shop.place / ".lock").is_file()  # left by the dead
    with report.locked(projects.load("shop")):
        pass


# ---- old runs


def test_runs_beyond_the_newest_give_up_customers_and_keep_documents_and_published_pages(shop):
    plan = shop.settle(keep_runs=2)
    for day in ("2024-01-01", "2024-02-01", "2024-03-01", "2024-03-29"):
        shop.ran(day)
    run.link(shop.reports / "latest", shop.reports / "2024-03-29" / "0001")
    assert retention.retire(plan) == ["2024-01-01/0001", "2024-02-01/0001"]
    old = shop.place / "runs" / "2024-01-01" / "0001"
    assert not (old / "run.json").exists() and (old / "retired.json").is_file() and (old / "project.yml").is_file()
    assert (old / "06_build" / "segmentation.json").is_file() and not list(old.rglob("*.parquet")) and not list(old.rglob("page"))
    report._sweep(plan)
    assert (shop.reports / "2024-01-01" / "0001" / "index.html").is_file()
    assert [r.name for r in run.all_runs(plan)] == ["2024-03-01/0001", "2024-03-29/0001"]
    assert len(run.all_runs(plan, retired=True)) == 4 and retention.retire(plan) == []


def test_the_approved_the_published_and_those_a_draft_rests_on_are_never_retired(shop):
    plan = shop.settle(keep_runs=2)
    for day in ("2024-01-01", "2024-01-15", "2024-02-01", "2024-02-15", "2024-03-01", "2024-03-29"):
        shop.ran(day)
    run.approve("shop", "2024-01-01", "Head of CRM")
    run.link(shop.reports / "latest", shop.reports / "2024-01-15" / "0001")
    draft = shop.place / "draft" / "2024-02-01"
    draft.mkdir(parents=True)
    run.link(draft / "01_objectives", shop.place / "runs" / "2024-02-01" / "0001" / "01_objectives")
    assert retention.retire(plan) == ["2024-02-15/0001"]


def test_no_number_keeps_every_run(shop):
    plan = shop.settle(keep_runs=None)
    for day in ("2024-01-01", "2024-02-01", "2024-03-01"):
        shop.ran(day)
    assert retention.retire(plan) == []


def test_the_sweep_spares_retired_runs_and_finishes_what_was_interrupted(shop):
    plan = shop.settle(keep_runs=2)
    shop.ran("2024-01-01")
    base = shop.place / "runs" / "2024-01-01" / "0001"
    (base / "run.json").rename(base / "retired.json")  # killed between the name and the tables
    report._sweep(plan)
    assert (base / "retired.json").is_file() and not list(base.rglob("*.parquet"))
    assert (shop.reports / "2024-01-01" / "0001" / "index.html").is_file()


# ---- the samples


def test_the_crontab_line_escapes_every_per_cent_and_types_its_path():
    lines = [line for line in (SAMPLES / "crontab").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert any(line.startswith("PATH=") for line in lines)
    assert (
        len(re.findall(r"(?<!\\)%", lines[-1])) == 0
        and "reevaluate" in lines[-1]
        and lines[-1].split()[:5] == "30 3 1-7 1,4,7,10 *".split()
    )


def test_the_workflow_warns_at_10_and_fails_at_1():
    flow = yaml.safe_load((SAMPLES / "github-actions.yml").read_text(encoding="utf-8"))
    job = flow["jobs"]["reevaluate"]
    [script] = [step["run"] for step in job["steps"] if step.get("name") == "Re-evaluate"]
    for status, left in ((0, 0), (10, 0), (1, 1), (130, 130)):
        text = f"python3() {{ return {status}; }}\nPROJECT=shop AS_OF=today\n{script}"
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], capture_output=True, encoding="utf-8")
        assert (done.returncode, done.stdout.startswith("::warning::shop")) == (left, status == 10)


def test_the_dag_calls_options_that_the_command_knows():
    tree = ast.parse((SAMPLES / "airflow_dag.py").read_text(encoding="utf-8"))
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)}
    words = values["COMMAND"].split("src/helpers ")[1].split(" ||")[0].replace('"', "").split()
    options, _ = __main__.read(words)
    assert options.command == "reevaluate" and {"$PROJECT", "$AS_OF"} == {options.project, options.as_of}


# ---- an empty environment


def test_the_command_behind_cron_runs_with_nothing_in_its_environment(shop):
    shop.ran("2024-03-01")
    (shop.place / "till.csv").write_text("client,ticket,at,paid\n")
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})" + COMMAND
    command = [sys.executable, "-c", code, "reevaluate", "--project", "shop", "--as-of", "2024-03-29"]
    done = subprocess.run(command, env={"NINEFOLD_HOME": str(shop.place.parents[1])}, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (10, "") and "ALARM" in done.stdout
