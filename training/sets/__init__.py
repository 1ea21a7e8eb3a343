"""Labelled pictures as people keep them: folders, zips, tables, sheets; and what each says."""
