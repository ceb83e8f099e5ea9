"""Re-evaluate every quarter from Airflow 3: put this file among your DAGs and set the two paths.

One task starts the command that publishes all nine notebooks as one whole; papermill's own operator would run one notebook, and publish
none. The command's 10 (somebody should look) is a success whose XCom is "attention"; anything else but 0 fails the task, which is tried
once more an hour later: another run may have held the project's lock.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

NINEFOLD = "/srv/ninefold"
PROJECT = "complete_journey"
AS_OF = "today"
COMMAND = """\
status=0
python3 src/helpers reevaluate --project "$PROJECT" --as-of "$AS_OF" || status=$?
case $status in 0) echo keep ;; 10) echo attention ;; *) exit "$status" ;; esac
"""

with DAG(
    dag_id=f"reevaluate_{PROJECT}",
    schedule="30 3 1 1,4,7,10 *",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["ninefold"],
) as dag:
    BashOperator(
        task_id="reevaluate",
        bash_command=COMMAND,
        cwd=NINEFOLD,
        env={"NINEFOLD_HOME": NINEFOLD, "PROJECT": PROJECT, "AS_OF": AS_OF},
        append_env=True,
        retries=1,
        retry_delay=timedelta(hours=1),
        execution_timeout=timedelta(hours=3),
    )
