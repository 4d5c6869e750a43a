"""How the tables in core/gioconda/tables are made from the ICT-FaceKit head. Not shipped; run `fit_tables.py`."""
