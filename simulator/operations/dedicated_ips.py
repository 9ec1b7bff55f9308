"""Reads of SES v2 about dedicated IP addresses, their pools and the blocklists that list them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.call import Call
from simulator.errors import AwsError
from simulator.inventory import PLANTED_ADDRESS, DedicatedIp, Inventory
from simulator.operations.pages import inventory_of, listed


def list_dedicated_ip_pools(call: Call) -> dict[str, Any]:
    return listed(call, 'DedicatedIpPools', 1000, lambda inventory: inventory.ip_pools, str)


def get_dedicated_ip_pool(call: Call) -> dict[str, Any]:
    name = call.params['PoolName']
    pool = inventory_of(call).ip_pools.get(name)
    if pool is None:
        raise AwsError('NotFoundException', f'Pool {name} does not exist.', 404)
    return {'DedicatedIpPool': {'PoolName': name, 'ScalingMode': pool.scaling_mode}}


def get_dedicated_ips(call: Call) -> dict[str, Any]:
    def select(inventory: Inventory) -> Iterable[DedicatedIp]:
        return (ip for ip in inventory.dedicated_ips.values() if call.params.get('PoolName') in (None, ip.pool))

    def write(ip: DedicatedIp) -> dict[str, Any]:
        return {
            'Ip': ip.name,
            'WarmupStatus': ip.warmup_status,
            'WarmupPercentage': ip.warmup_percentage,
            'PoolName': ip.pool,
        }

    return listed(call, 'DedicatedIps', 1000, select, write)


def get_blacklist_reports(call: Call) -> dict[str, Any]:
    """The blocklists that list the addresses of the account; others are left out."""
    inventory, listed_at = inventory_of(call), call.backend.world.started
    if not inventory.account.blocklist_reports:
        raise AwsError('BadRequestException', 'The account has no subscription to the deliverability dashboard.')
    ips = [inventory.dedicated_ips.get(name) for name in call.params['BlacklistItemNames']]
    return {
        'BlacklistReport': {
            ip.name: [
                {'RblName': name, 'ListingTime': listed_at, 'Description': f'Reported by {PLANTED_ADDRESS}'}
                for name in ip.blocklists
            ]
            for ip in ips
            if ip is not None
        }
    }
