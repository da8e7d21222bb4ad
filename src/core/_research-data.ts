// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/*
 * Who scans the whole Internet and says so. Only networks that such a scanner has for itself are here, and single hosts
 * that it has kept for years: an address of a cloud belongs to somebody else next month. Stretchoid is left out for
 * that reason. Collected on 2026-11-28 from the lists that the scanners publish, as these collections have them:
 *
 *   https://github.com/MISP/misp-warninglists (CC0), of 2026-08-29; of Censys of 2026-10-14
 *   https://github.com/OpenFilters/internet-scanners, Shadowserver and Palo Alto Networks
 *
 * Whoever changes this raises TAGS_VERSION in tags.ts.
 */
export const RESEARCH_NETWORKS: Readonly<Record<string, string>> = {
  'Censys, docs.censys.com/docs/opt-out-of-data-collection': `66.132.148.0/24 66.132.153.0/24 66.132.159.0/24
    66.132.172.0/24 66.132.186.0/24 66.132.195.0/24 66.132.198.0/24 66.132.224.0/24 66.132.228.0/24 162.142.125.0/24
    167.94.138.0/24 167.94.145.0/24 167.94.146.0/24 167.248.133.0/24 199.45.154.0/23 206.168.32.0/22
    2602:80d:1000::/48 2602:80d:1003::/112 2602:80d:1004::/112 2602:80d:1006::/47 2602:80d:1008::/47
    2602:80d:100a::/48 2620:96:e000::/48`,
  'Driftnet, internet-measurement.com': `87.236.176.0/24 185.247.137.0/24 193.163.125.0/24 195.96.139.0/24
    2a06:4880::/29`,
  'The Shadowserver Foundation, scan.shadowserver.org': `64.62.156.0/24 64.62.195.152/29 64.62.197.0/24 65.49.1.0/24
    65.49.20.64/26 74.82.47.0/26 184.105.139.64/26 184.105.247.192/26 216.218.206.64/26 2001:470:1:332::/64
    2001:470:1:c84::/64 2001:470:1:fb5::/64 2001:470:2cc::/48`,
  'BitSight, internet-census.org': `45.156.128.0/22 109.105.208.0/21 185.117.225.0/24 185.180.140.0/22
    185.226.196.0/22 2a10:3c0::/29`,
  'Alpha Strike Labs, alphastrike.io': `45.83.64.0/22 158.94.187.0/24 158.94.218.0/24 194.187.176.0/22
    2a0e:7b84::/30`,
  'Rapid7 Project Sonar, opendata.rapid7.com': `5.63.151.96/27 71.6.233.0/24 88.202.190.128/27 109.123.117.224/27
    146.185.25.160/27 2607:ff10:c5:522::/64 2a02:2498:e004:23::/64`,
  'Palo Alto Networks, Cortex Xpanse': `144.86.173.0/24 147.185.132.0/22 162.216.148.0/22 198.235.24.0/24
    205.210.31.0/24`,
  'Shodan, *.census.shodan.io': `66.240.192.138/32 66.240.205.34/32 66.240.219.146/32 66.240.236.119/32
    71.6.135.131/32 71.6.146.130/32 71.6.146.185/32 71.6.146.186/32 71.6.147.198/32 71.6.147.254/32 71.6.158.166/32
    71.6.165.200/32 71.6.167.142/32 71.6.199.23/32 80.82.77.33/32 80.82.77.139/32 85.25.43.94/32 85.25.103.50/32
    89.248.167.131/32 89.248.172.16/32 93.120.27.62/32 94.102.49.190/32 94.102.49.193/32 185.142.236.34/31
    185.165.190.34/32 188.138.9.50/32 198.20.69.74/32 198.20.69.98/32 198.20.70.114/32 198.20.99.130/32
    207.90.244.0/24`,
}

/** What a User-Agent of theirs holds, in lower case, as their requests over HTTP have it. */
export const RESEARCH_AGENTS = [
  'censysinspect', // Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)
  'internet-measurement.com', // Mozilla/5.0 (compatible; InternetMeasurement/1.0; +https://internet-measurement.com/)
  'expanse, a palo alto networks company', // …, searches across the global IPv4 space multiple times per day
] as const
