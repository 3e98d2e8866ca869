# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a job is to run: head node, a node for each datastream, nodes that compute with their threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from difxnb.formats.machines import format_machines, format_threads


@dataclass(frozen=True)
class Plan:
    """Nodes of a job.

    Attributes
    ----------
    head_node : str
        Host that the job is led from; empty where that was not said.
    datastreams : tuple of str
        Hosts that read, one per datastream in the order of the ``.input``.
    threads : dict of str to int
        Hosts that compute, with their threads. Those of the head node include one that the manager keeps, which is
        not in the ``.threads`` file.
    """

    head_node: str = ""
    datastreams: tuple[str, ...] = ()
    threads: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_files(cls, hosts: Sequence[str], threads: Sequence[int]) -> Plan:
        """Give the plan that ``.machines`` and ``.threads`` hold; of a host named twice its threads add up."""
        first = len(hosts) - len(threads)
        computing: dict[str, int] = {hosts[0]: 1} if hosts[0] in hosts[first:] else {}
        for host, number in zip(hosts[first:], threads, strict=True):
            computing[host] = computing.get(host, 0) + number
        return cls(hosts[0], tuple(hosts[1:first]), {host: computing[host] for host in hosts[first:]})

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, each once, the head node first."""
        named = (self.head_node, *self.datastreams, *self.threads)
        return tuple(host for host in dict.fromkeys(named) if host)

    def with_threads(self, node: str, number: int) -> Plan:
        """Give the plan with other threads on a node; none take it out."""
        others = {host: count for host, count in self.threads.items() if host != node}
        if not number:
            return replace(self, threads=others)
        if node in self.threads:
            others = {host: number if host == node else count for host, count in self.threads.items()}
        else:
            others[node] = number
        return replace(self, threads=others)

    def with_datastream(self, index: int, node: str) -> Plan:
        """Give the plan with another node for a datastream; IndexError where there is no such."""
        nodes = list(self.datastreams)
        nodes[index] = node
        return replace(self, datastreams=tuple(nodes))

    def lacks(self) -> str:
        """What is still to be said before the job can run, in words; empty where nothing is."""
        if not self.head_node:
            return "choose a head node"
        missing = [str(index) for index, node in enumerate(self.datastreams) if not node]
        if missing:
            return f"choose a node for datastream {', '.join(missing)}"
        if not self.threads:
            return "give at least one node threads to compute with"
        if self.threads.get(self.head_node) == 1:
            return f"the head node {self.head_node} keeps one thread for itself; give it two or more, or none"
        return ""

    def preview(self) -> str:
        """Give the text of both files, as it would be written; ValueError for what is no host name."""
        machines = format_machines([self.head_node, *self.datastreams, *self.threads])
        threads = [count - (host == self.head_node) for host, count in self.threads.items()]
        return f".machines\n{machines}\n.threads\n{format_threads(threads)}"
