/** One of the page's views. */
export interface View {
  readonly root: HTMLElement;
  show(): void;
  hide(): void;
}
