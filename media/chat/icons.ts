// The few signs of the view, drawn in the colour of the text around them.
import { svg, type SVGTemplateResult } from 'lit';

const icon = (drawing: SVGTemplateResult) => svg`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">${drawing}</svg>`;

export const icons = {
  send: icon(svg`<path d="M2.5 2.5 14 8 2.5 13.5 4.5 8z M4.5 8H9" />`),
  stop: icon(svg`<path class="solid" d="M4 4h8v8H4z" />`),
  plus: icon(svg`<path d="M8 3v10M3 8h10" />`),
  remove: icon(svg`<path d="m4.5 4.5 7 7m0-7-7 7" />`),
  edit: icon(svg`<path d="m10.5 3 2.5 2.5L6 12.5l-3 .5.5-3z" />`),
};
