import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev` finds the API and the socket; the server's own default port. */
const server = process.env.SHADOW_SERVER ?? 'http://127.0.0.1:4000';

export default defineConfig({
  // Assets are addressed relative to <base href>, which the server sets to its BASE_PATH.
  base: './',
  plugins: [react(), tailwind()],
  build: {
    target: 'es2022',
    // The content security policy allows scripts from 'self' alone: no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Grammars of the diff view are chunks of their own, loaded when a language is shown.
    chunkSizeWarningLimit: 1200,
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: server },
      '/socket.io': { target: server, ws: true },
    },
  },
});
