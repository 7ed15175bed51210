// The types of the report stand where the panel's page can import them too.
export * from '../shared/inspectReport.ts';
