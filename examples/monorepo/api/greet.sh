#!/bin/sh
echo "Hello from @WHO@."
