"""
A ticketing system downstream of shikyu: urgent messages become tickets, each exactly once.

It leans on nothing of shikyu's but the events in Kafka, so that the folder can be copied into a project of its own.
docs/ticketing.md tells how it is used, and why it is built so.
"""
