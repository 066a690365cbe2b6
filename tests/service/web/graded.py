"""An invented shelf of reports that give grades under two frameworks, and of visits that give none."""

from collections.abc import Mapping

MANIFEST = """\
path,title,body,published,kind
first.txt,Redbrook: the first inspection,Redbrook Council,2015-08-20,inspection
second.txt,Redbrook: the second inspection,Redbrook,2018-07-12,inspection
visit.txt,Redbrook: a short visit,Redbrook Council,2020-03-02,focused visit
third.txt,Redbrook: the third inspection,Redbrook Council,2022-06-30,inspection
hill.txt,Bluehill: an inspection,Bluehill City Council,2019-05-10,inspection
hill2.txt,Bluehill: another inspection,Bluehill City Council,2021-10-01,inspection
news.txt,A story about Redbrook,Redbrook Council,2022-07-01,news
"""


def single(place: str, *grades: str) -> str:
    """Write an inspection under the framework of 2013."""
    names = (
        "1. Children who need help and protection",
        "2. Children looked after and achieving permanence",
        "2.1 Adoption performance",
        "2.2 Experiences and progress of care leavers",
        "3. Leadership, management and governance",
    )
    overall, *rest = grades
    rows = "\n".join(f"{name}\n{grade}" for name, grade in zip(names, rest, strict=True))
    return (
        f"{place}\nInspection of services for children in need of help and protection, children looked after and care"
        f" leavers\nInspection date: 2 June 2015 – 25 June 2015\n"
        f"Children’s services in {place} are {overall}\n{rows}\n"
    )


def later(place: str, dates: str, *grades: str) -> str:
    """Write an inspection under the framework of 2018."""
    names = (
        "The impact of leaders on social work practice with children and families",
        "The experiences and progress of children who need help and protection",
        "The experiences and progress of children in care and care leavers",
        "Overall effectiveness",
    )
    rows = "\n".join(f"{name} {grade}" for name, grade in zip(names, grades, strict=True))
    title = f"{place}\nInspection of children’s social care services"
    return f"{title}\nInspection dates: {dates}\nJudgement Grade\n{rows}\n"


REPORTS: Mapping[str, str] = {
    "first.txt": single("Redbrook", "inadequate", "Inadequate", "Good", "Outstanding", "Good", "Inadequate")
    + "\n\nCaseloads are far too high and weak oversight leaves children at risk. Plans are late.\n",
    "second.txt": later("Redbrook", "4 June 2018 to 15 June 2018", "Good", "Good", "Inadequate", "Good")
    + "\n\nCaseloads have improved since the last inspection and are now manageable.\n",
    "visit.txt": "Focused visit to Redbrook children’s services\nVisit dates: 11 and 12 February 2020\n\nThe front"
    " door works well and referrals are read the same day.\n",
    "third.txt": later("Redbrook", "6 June 2022 to 17 June 2022", "Outstanding", "Good", "Good", "Outstanding")
    + "\n\nLeaders know their staff well. Families speak highly of the help.\n",
    "hill.txt": later("Bluehill", "1 April 2019 to 12 April 2019", "Splendid", "Good", "Good", "Good")
    + "\n\nStaff have good supervision and caseloads are low.\n",
    "hill2.txt": later("Bluehill", "6 September 2021 to 17 September 2021", "Good", "Good", "Good", "Good")
    + "\n\nCourts wait for no plan, and foster homes are found in time.\n",
    "news.txt": "A story tells that caseloads in Redbrook are the talk of the town.\n",
}
