/** The 22 PDS-H queries as SQL for `pl.SQLContext`: the text of the specification, or joins where polars' dialect cannot say it. */
import { sqlOf } from "./sql.ts";

const revenue = "SUM(l_extendedprice * (1 - l_discount))";

/** Query number to SQL over tables named as in the specification, at a scale factor (for Q11). Throws for an unknown number. */
export const polarsSqlOf = (number: number, scale: number): string => REWRITTEN.get(number)?.(scale) ?? sqlOf(number, scale);

/**
 * The queries whose specification polars rejects: comparisons with a subquery (2, 11, 15, 17, 20, 22), year() (7, 8, 9), conditions other than
 * equality in ON (13), a subquery over a product of three tables (18), aliases of an outer query (21).
 */
const REWRITTEN: ReadonlyMap<number, (scale: number) => string> = new Map([
  [
    2,
    () => `WITH offers AS (
       SELECT * FROM part JOIN partsupp ON p_partkey = ps_partkey JOIN supplier ON ps_suppkey = s_suppkey
       JOIN nation ON s_nationkey = n_nationkey JOIN region ON n_regionkey = r_regionkey
       WHERE p_size = 15 AND p_type LIKE '%BRASS' AND r_name = 'EUROPE'),
     cheapest AS (SELECT p_partkey AS cheap_part, MIN(ps_supplycost) AS cheap_cost FROM offers GROUP BY p_partkey)
     SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
     FROM offers JOIN cheapest ON p_partkey = cheap_part AND ps_supplycost = cheap_cost
     ORDER BY s_acctbal DESC, n_name, s_name, p_partkey LIMIT 100`,
  ],
  [
    7,
    () => `SELECT supp_nation, cust_nation, l_year, SUM(volume) AS revenue FROM (
       SELECT n1.n_name AS supp_nation, n2.n_name AS cust_nation, EXTRACT(YEAR FROM l_shipdate) AS l_year,
         l_extendedprice * (1 - l_discount) AS volume
       FROM supplier JOIN lineitem ON s_suppkey = l_suppkey JOIN orders ON o_orderkey = l_orderkey JOIN customer ON c_custkey = o_custkey
       JOIN nation n1 ON s_nationkey = n1.n_nationkey JOIN nation n2 ON c_nationkey = n2.n_nationkey
       WHERE ((n1.n_name = 'FRANCE' AND n2.n_name = 'GERMANY') OR (n1.n_name = 'GERMANY' AND n2.n_name = 'FRANCE'))
         AND l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31') AS shipping
     GROUP BY supp_nation, cust_nation, l_year ORDER BY supp_nation, cust_nation, l_year`,
  ],
  [
    8,
    () => `SELECT o_year, ROUND(SUM(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / SUM(volume), 2) AS mkt_share FROM (
       SELECT EXTRACT(YEAR FROM o_orderdate) AS o_year, l_extendedprice * (1 - l_discount) AS volume, n2.n_name AS nation
       FROM part JOIN lineitem ON p_partkey = l_partkey JOIN supplier ON s_suppkey = l_suppkey JOIN orders ON l_orderkey = o_orderkey
       JOIN customer ON o_custkey = c_custkey JOIN nation n1 ON c_nationkey = n1.n_nationkey JOIN region ON n1.n_regionkey = r_regionkey
       JOIN nation n2 ON s_nationkey = n2.n_nationkey
       WHERE r_name = 'AMERICA' AND o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31' AND p_type = 'ECONOMY ANODIZED STEEL'
     ) AS all_nations GROUP BY o_year ORDER BY o_year`,
  ],
  [
    9,
    () => `SELECT nation, o_year, ROUND(SUM(amount), 2) AS sum_profit FROM (
       SELECT n_name AS nation, EXTRACT(YEAR FROM o_orderdate) AS o_year,
         l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity AS amount
       FROM part JOIN lineitem ON p_partkey = l_partkey JOIN supplier ON s_suppkey = l_suppkey
       JOIN partsupp ON ps_suppkey = l_suppkey AND ps_partkey = l_partkey JOIN orders ON o_orderkey = l_orderkey
       JOIN nation ON s_nationkey = n_nationkey WHERE p_name LIKE '%green%') AS profit
     GROUP BY nation, o_year ORDER BY nation, o_year DESC`,
  ],
  [
    11,
    (scale: number) => `WITH german AS (
       SELECT ps_partkey, ps_supplycost * ps_availqty AS worth FROM partsupp JOIN supplier ON ps_suppkey = s_suppkey
       JOIN nation ON s_nationkey = n_nationkey WHERE n_name = 'GERMANY'),
     parts AS (SELECT ps_partkey, ROUND(SUM(worth), 2) AS value FROM german GROUP BY ps_partkey),
     whole AS (SELECT ROUND(SUM(worth), 2) * ${0.0001 / scale} AS least FROM german)
     SELECT ps_partkey, value FROM parts CROSS JOIN whole WHERE value > least ORDER BY value DESC`,
  ],
  [
    13,
    () => `SELECT c_count, COUNT(*) AS custdist FROM (
       SELECT c_custkey, COUNT(o_orderkey) AS c_count
       FROM customer LEFT JOIN (SELECT * FROM orders WHERE o_comment NOT LIKE '%special%requests%') AS ordinary ON c_custkey = o_custkey
       GROUP BY c_custkey) AS c_orders
     GROUP BY c_count ORDER BY custdist DESC, c_count DESC`,
  ],
  [
    15,
    () => `WITH revenue AS (
       SELECT l_suppkey AS supplier_no, ${revenue} AS total_revenue FROM lineitem
       WHERE l_shipdate >= DATE '1996-01-01' AND l_shipdate < DATE '1996-01-01' + INTERVAL '3 months' GROUP BY l_suppkey),
     best AS (SELECT MAX(total_revenue) AS most FROM revenue)
     SELECT s_suppkey, s_name, s_address, s_phone, ROUND(total_revenue, 2) AS total_revenue
     FROM supplier JOIN revenue ON s_suppkey = supplier_no WHERE total_revenue IN (SELECT most FROM best) ORDER BY s_suppkey`,
  ],
  [
    17,
    () => `WITH boxes AS (
       SELECT p_partkey, l_quantity, l_extendedprice FROM part JOIN lineitem ON p_partkey = l_partkey
       WHERE p_brand = 'Brand#23' AND p_container = 'MED BOX'),
     few AS (SELECT p_partkey AS key, 0.2 * AVG(l_quantity) AS least FROM boxes GROUP BY p_partkey)
     SELECT ROUND(SUM(l_extendedprice) / 7.0, 2) AS avg_yearly FROM boxes JOIN few ON p_partkey = key WHERE l_quantity < least`,
  ],
  [
    18,
    () => `WITH large AS (SELECT l_orderkey AS key FROM lineitem GROUP BY l_orderkey HAVING SUM(l_quantity) > 300)
     SELECT c_name, c_custkey, o_orderkey, o_orderdate AS o_orderdat, o_totalprice, SUM(l_quantity) AS col6
     FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON o_orderkey = l_orderkey
     WHERE o_orderkey IN (SELECT key FROM large)
     GROUP BY c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice ORDER BY o_totalprice DESC, o_orderdat LIMIT 100`,
  ],
  [
    20,
    () => `WITH shipped AS (
       SELECT l_partkey, l_suppkey, 0.5 * SUM(l_quantity) AS half FROM lineitem
       WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1994-01-01' + INTERVAL '1 year' GROUP BY l_partkey, l_suppkey),
     stocked AS (
       SELECT ps_suppkey FROM partsupp JOIN shipped ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
       WHERE ps_availqty > half AND ps_partkey IN (SELECT p_partkey FROM part WHERE p_name LIKE 'forest%'))
     SELECT s_name, s_address FROM supplier JOIN nation ON s_nationkey = n_nationkey
     WHERE n_name = 'CANADA' AND s_suppkey IN (SELECT ps_suppkey FROM stocked) ORDER BY s_name`,
  ],
  [
    21,
    () => `WITH late AS (SELECT l_orderkey, l_suppkey FROM lineitem WHERE l_receiptdate > l_commitdate),
     several AS (SELECT l_orderkey AS many_key FROM lineitem GROUP BY l_orderkey HAVING COUNT(DISTINCT l_suppkey) > 1),
     alone AS (SELECT l_orderkey AS one_key FROM late GROUP BY l_orderkey HAVING COUNT(DISTINCT l_suppkey) = 1)
     SELECT s_name, COUNT(*) AS numwait
     FROM supplier JOIN late ON s_suppkey = l_suppkey JOIN orders ON o_orderkey = l_orderkey JOIN nation ON s_nationkey = n_nationkey
     SEMI JOIN several ON l_orderkey = many_key SEMI JOIN alone ON l_orderkey = one_key
     WHERE o_orderstatus = 'F' AND n_name = 'SAUDI ARABIA'
     GROUP BY s_name ORDER BY numwait DESC, s_name LIMIT 100`,
  ],
  [
    22,
    () => `WITH near AS (
       SELECT SUBSTRING(c_phone, 1, 2) AS cntrycode, c_acctbal, c_custkey FROM customer
       WHERE SUBSTRING(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17')),
     average AS (SELECT AVG(c_acctbal) AS mean FROM near WHERE c_acctbal > 0)
     SELECT cntrycode, COUNT(*) AS numcust, ROUND(SUM(c_acctbal), 2) AS totacctbal FROM near CROSS JOIN average
     WHERE c_acctbal > mean AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.o_custkey = near.c_custkey)
     GROUP BY cntrycode ORDER BY cntrycode`,
  ],
]);
