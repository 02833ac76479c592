from gprplus.cli import main

main()
