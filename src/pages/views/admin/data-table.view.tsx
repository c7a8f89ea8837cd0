import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from '../page.props.js';

/** One column of a table. */
export interface Column<Row> {
  readonly label: string;
  readonly cell: (row: Row) => ComponentChildren;
}

export interface DataTableProps<Row> {
  /** For screen readers: what the table is of. */
  readonly caption: string;
  /** The first one names its row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}

/**
 * A table that phones show as one block for each row. Roles are written out because browsers forget a table's own as soon
 * as its parts are laid out as blocks.
 */
export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>): VNode {
  const { text } = useLanguage();
  if (rows.length === 0) {
    return <p>{text('admin.nothing')}</p>;
  }
  return (
    <table class="data" role="table">
      <caption class="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ label }) => (
            <th key={label} role="columnheader" scope="col">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row">
            {columns.map(({ label, cell }, index) =>
              index === 0 ? (
                <th key={label} role="rowheader" scope="row">
                  {cell(row)}
                </th>
              ) : (
                <td key={label} role="cell" data-label={label}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export interface PagingProps {
  /** Address of the page after this one; undefined on the last one. */
  readonly next: string | undefined;
  /** Address of the first page; undefined on it. */
  readonly first: string | undefined;
}

/** Ways to the rest of a list. */
export function Paging({ next, first }: PagingProps): VNode | null {
  const { text } = useLanguage();
  if (next === undefined && first === undefined) {
    return null;
  }
  return (
    <nav class="paging" aria-label={text('admin.pages')}>
      {first !== undefined && <a href={first}>{text('admin.first')}</a>}
      {next !== undefined && (
        <a href={next} rel="next">
          {text('admin.next')}
        </a>
      )}
    </nav>
  );
}
