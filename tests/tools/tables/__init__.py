"""How the tables in core/gioconda/tables are made from the ICT-FaceKit morphable head. Not shipped; run `fit_tables.py`."""
