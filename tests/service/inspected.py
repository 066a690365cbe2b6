"""A library of invented inspection reports of two bodies, with grades, over the years."""

from pathlib import Path

from tests.service.conftest import Library, make_library

REPORT = """\
Inspection of {body} local authority children’s services
Inspection dates: {days}
Lead inspector: A. N. Other
Judgement Grade
The impact of leaders on social work
practice with children and families {leaders}
The experiences and progress of
children who need help and protection {help}
{care}
Overall effectiveness {overall}

{text}
"""
CARE_2018 = "The experiences and progress of\nchildren in care and care leavers Good"
CARE_2023 = (
    "The experiences and progress of\nchildren in care Good\n"
    "The experiences and progress of\ncare leavers Outstanding"
)
VISIT = (
    "Dear Director\n\nFocused visit to {body} children’s services\n\nInspectors visited {body} on {days}.\n\n{text}\n"
)
INSPECTED = {
    "fairport/2019.txt": REPORT.format(
        body="Fairport",
        days="3 to 7 June 2019",
        leaders="Inadequate",
        help="Inadequate",
        care=CARE_2018,
        overall="Inadequate",
        text="Caseloads are far too high. Supervision is regular and helps staff a great deal.",
    ),
    "fairport/2021.txt": VISIT.format(
        body="Fairport", days="9 and 10 March 2021", text="Inspectors looked at how plans are written for children."
    ),
    "fairport/2023.txt": REPORT.format(
        body="Fairport",
        days="5 to 9 June 2023",
        leaders="Good",
        help="Requires improvement to be good",
        care=CARE_2023,
        overall="Good",
        text="Caseloads have reduced since the last inspection. Supervision remains too weak for some staff.",
    ),
    "fairport/story.txt": "Council says caseloads are down. A story of Fairport, whose caseloads were too high.",
    "millbeck/2022.txt": REPORT.format(
        body="Millbeck",
        days="7 to 11 November 2022",
        leaders="Good",
        help="Good",
        care=CARE_2018,
        overall="Good",
        text="Workloads of social workers are manageable and well balanced across teams.",
    ),
}
MANIFEST = """\
path,title,body,published,kind
fairport/2019.txt,Inspection of Fairport local authority children’s services,Fairport,2019-07-22,inspection
fairport/2021.txt,Focused visit to Fairport children’s services,Fairport,2021-04-20,focused visit
fairport/2023.txt,Inspection of Fairport local authority children’s services,Fairport Council,2023-07-24,inspection
fairport/story.txt,Caseloads are down,Fairport,2023-08-01,news
millbeck/2022.txt,Inspection of Millbeck local authority children’s services,Millbeck,2022-12-19,inspection
"""


def make_inspected(folder: Path) -> Library:
    """Write and index them."""
    return make_library(folder, INSPECTED, MANIFEST)
