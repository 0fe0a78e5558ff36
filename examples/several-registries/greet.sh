#!/bin/sh
echo "The same from every registry."
