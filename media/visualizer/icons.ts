// The few signs of the page, drawn in the colour of the text around them.
import { svg, type SVGTemplateResult } from 'lit';

const icon = (drawing: SVGTemplateResult) => svg`<svg class="icon" viewBox="0 0 16 16" width="12" height="12" aria-hidden="true" focusable="false">${drawing}</svg>`;

export const icons = {
  anchor: icon(svg`<path d="M8 5.5V14M5 8h6M2.5 9.5C3 12.5 5 14 8 14s5-1.5 5.5-4.5M8 5.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z" />`),
};
